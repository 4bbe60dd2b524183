//! Models that break a law, and how the kit names it.
use crate::fails_with;
use es_core::prelude::*;
use es_testing::prelude::*;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

static DRAWN: AtomicU64 = AtomicU64::new(0);

fn drawn() -> u64 {
    DRAWN.fetch_add(1, Ordering::SeqCst)
}

/// How often `Waver` was decided. Its own, since the tests that draw run at the same time.
static WAVERED: AtomicU64 = AtomicU64::new(0);

/// Forgets half of itself on its way to JSON.
#[event]
pub struct Forgetful {
    pub kept: u64,
    #[serde(skip)]
    pub lost: u64,
}
/// Writes what it cannot read.
#[event]
pub struct Unwritable {
    #[serde(serialize_with = "as_text")]
    pub number: Vec<u64>,
}
#[event]
pub struct Counted {
    pub n: u64,
}
#[event]
pub struct Measured {
    pub level: f64,
}
#[event]
pub struct Noted {}
#[event]
pub struct Tagged {}
#[event]
pub struct Whispered {}

fn as_text<S: es_core::__private::serde::Serializer>(numbers: &[u64], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format!("{numbers:?}"))
}

macro_rules! commands {
    ($($name:ident)*) => { $(
        #[command(Machine)]
        pub struct $name {
            #[id]
            pub machine: u32,
        }
    )* };
}
commands!(Forget Spoil Count Answer Refuse Note Tag Waver Level);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("no {0}")]
pub struct Refused(u64);

#[aggregate(id = u32, default, snapshot(every = 100, version = 1))]
#[derive(Default)]
pub struct Machine {
    seen: u64,
    #[serde(skip)]
    tags: u64,
    level: f64,
}

#[applier]
impl Machine {
    fn forgetful(&mut self, _: &Forgetful) {}
    fn unwritable(&mut self, _: &Unwritable) {}
    fn counted(&mut self, _: &Counted) {}
    fn measured(&mut self, e: &Measured) {
        self.level += e.level;
    }
    fn noted(&mut self, _: &Noted) {
        self.seen = drawn();
    }
    fn tagged(&mut self, _: &Tagged) {
        self.tags += 1;
    }
}

#[command_handler]
impl Machine {
    fn forget(&self, _: Forget) -> Forgetful {
        Forgetful { kept: 1, lost: 2 }
    }
    fn spoil(&self, _: Spoil) -> Unwritable {
        Unwritable { number: vec![1] }
    }
    fn count(&self, _: Count) -> Counted {
        Counted { n: drawn() }
    }
    fn answer(&self, _: Answer) -> Reply<Counted, u64> {
        Reply::new(Counted { n: 0 }, drawn())
    }
    fn refuse(&self, _: Refuse) -> Result<(), Refused> {
        Err(Refused(drawn()))
    }
    fn waver(&self, _: Waver) -> Result<Counted, Refused> {
        if WAVERED.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            Ok(Counted { n: 0 })
        } else {
            Err(Refused(0))
        }
    }
    fn level(&self, _: Level) -> Measured {
        Measured { level: self.level / 3.0 }
    }
    fn note(&self, _: Note) -> Noted {
        Noted {}
    }
    fn tag(&self, _: Tag) -> Tagged {
        Tagged {}
    }
}

#[command(Reticent)]
pub struct Whisper {
    #[id]
    pub reticent: u32,
}

/// Prints less than it knows, and loses that in a snapshot.
#[aggregate(id = u32, default, snapshot(every = 100, version = 1), no_derive(Debug))]
#[derive(Default)]
pub struct Reticent {
    #[serde(skip)]
    secrets: u64,
    level: f64,
}

impl fmt::Debug for Reticent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reticent").field("level", &self.level).finish_non_exhaustive()
    }
}

#[applier]
impl Reticent {
    fn whispered(&mut self, _: &Whispered) {
        self.secrets += 1;
    }
}

#[command_handler]
impl Reticent {
    fn whisper(&self, _: Whisper) -> Whispered {
        Whispered {}
    }
}

const ROUND_TRIP: &str = "a law is broken: payloads survive a serde round trip";
const TWICE: &str = "a law is broken: deciding twice decides the same";

#[test]
fn what_is_lost_on_the_way_to_json() {
    fails_with(
        &[
            ROUND_TRIP,
            "Forgetful { kept: 1, lost: 2 } is read back with another value: right type Forgetful, `lost` 0 ≠ 2",
            "when      Forget",
        ],
        || drop(given_nothing().when(Forget { machine: 1 }).then_version(1)),
    );
    fails_with(&[ROUND_TRIP, "Forgetful"], || {
        given(Forgetful { kept: 1, lost: 2 }).when(Tag { machine: 1 }).then(Tagged {});
    });
}

#[test]
fn what_cannot_be_read_back() {
    fails_with(
        &[ROUND_TRIP, "Unwritable { number: [1] } cannot be read back: number: invalid type: string"],
        || {
            given_nothing().when(Spoil { machine: 1 }).then_version(1);
        },
    );
    fails_with(&[ROUND_TRIP, "level"], || {
        given(Measured { level: f64::NAN }).when(Tag { machine: 1 }).then_version(2);
    });
}

#[test]
fn floats_survive_to_the_last_bit() {
    given([Measured { level: 0.1 }, Measured { level: f64::MIN_POSITIVE }, Measured { level: 1e300 }])
        .when(Level { machine: 2 })
        .then_state(|machine| assert!(machine.level > 9e299));
}

#[test]
fn what_is_decided_by_chance() {
    fails_with(
        &[
            TWICE,
            "decided twice (second ≠ first):",
            "event 1: right type Counted, `n` ",
            "nothing from elsewhere",
        ],
        || drop(given_nothing().when(Count { machine: 1 }).then_version(1)),
    );
    fails_with(&[TWICE, "the reply: "], || {
        given_nothing().when(Answer { machine: 1 }).then_version(1);
    });
    fails_with(&[TWICE, "it was carried out and recorded 1 event", "it was refused with Refused(0)"], || {
        given_nothing().when(Waver { machine: 1 }).then_version(1);
    });
    fails_with(&[TWICE, "it was refused with Refused("], || {
        given_nothing().when(Refuse { machine: 1 }).then_error_matches(|_| true);
    });
}

#[test]
fn what_is_folded_by_chance() {
    fails_with(
        &[
            "a law is broken: the fold of given and new events equals the working copy",
            "the working copy ≠ the fold of all events, at version 1:",
            "`seen` ",
            "when      Note { machine: 1 }\n  recorded  machine-1@1: Noted",
        ],
        || drop(given_nothing().when(Note { machine: 1 }).then(Noted {})),
    );
}

#[test]
fn what_is_lost_in_a_snapshot() {
    fails_with(
        &[
            "a law is broken: a snapshot at every version and its tail equal the full fold",
            "from the snapshot at version 2 ≠ from all 2 events:",
            "tags` 0 ≠ 2",
        ],
        || drop(given(Tagged {}).when(Tag { machine: 1 }).then(Tagged {})),
    );
}

#[test]
fn what_differs_and_is_not_printed() {
    fails_with(
        &[
            "a law is broken: a snapshot at every version and its tail equal the full fold",
            "they differ in something that their `Debug` does not show",
        ],
        || drop(given_nothing().when(Whisper { reticent: 1 }).then(Whispered {})),
    );
}
