//! A failure points at the line of the scenario, not into the kit.
#![allow(missing_docs, reason = "a test's name says what it is about")]

use es_core::prelude::*;
use es_testing::prelude::*;
use std::panic::{self, AssertUnwindSafe, Location, catch_unwind};
use std::sync::Mutex;

#[event]
pub struct Rung {}
#[command(Bell)]
pub struct Ring {
    #[id]
    pub bell: u32,
    pub fail: bool,
}
#[aggregate(id = u32, default)]
#[derive(Default)]
pub struct Bell {}
#[applier]
impl Bell {
    fn rung(&mut self, _: &Rung) {}
}
const IN_THE_HANDLER: u32 = line!() + 4;
#[command_handler]
impl Bell {
    fn ring(&self, command: Ring) -> Rung {
        assert!(!command.fail, "in the handler, line {IN_THE_HANDLER}");
        Rung {}
    }
}

#[reactor(key = u32)]
pub struct Tired {
    rings: u32,
}
#[reactor]
impl Tired {
    fn rung(&mut self, _: &Rung) {
        self.rings += 1;
    }
}
#[projection(key = u32)]
pub struct Rings {
    rings: u32,
}
#[projection]
impl Rings {
    fn rung(&mut self, _: &Rung) {
        self.rings += 1;
    }
}

#[projection]
pub struct RingRows;
#[projection]
impl RingRows {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        tx.execute_batch(&format!("CREATE TABLE {} (bell INTEGER)", tx.table("rings")))
    }
    fn rung(&self, _: &Rung, bell: &u32, tx: &SqliteTx) -> Result<(), SqliteError> {
        tx.execute(&format!("INSERT INTO {} VALUES (?1)", tx.table("rings")), [bell]).map(drop)
    }
}

fn bells<S: EventStore>(app: es_core::AppBuilder<S>) -> es_core::AppBuilder<S> {
    app.aggregate::<Bell>().projection::<Rings>()
}

fn ring() -> Ring {
    Ring { bell: 1, fail: false }
}

static SEEN: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());

/// The line that the panic of this scenario names.
fn line_of(scenario: impl FnOnce()) -> u32 {
    assert!(catch_unwind(AssertUnwindSafe(scenario)).is_err(), "the scenario does not fail");
    let (file, line) = SEEN.lock().unwrap().pop().expect("a panic");
    assert!(file.ends_with("location.rs"), "{file}");
    line
}

/// The panic of this scenario names a line of the scenario.
#[track_caller]
fn points_here(scenario: impl FnOnce()) {
    let here = Location::caller().line();
    let line = line_of(scenario);
    assert!((here..here + 6).contains(&line), "line {line} is not in the scenario at line {here}");
}

fn everywhere() {
    points_here(|| drop(given(Rung {}).when(ring()).then_nothing()));
    points_here(|| drop(given(Rung {}).when(ring()).then_error_matches(|error| match *error {})));
    points_here(|| drop(given(Rung {}).when(ring()).then_version(1).then_attempts(1)));
    points_here(|| drop(given(Rung {}).given_stored("x", 1, 1.into()).when(ring()).then(Rung {})));
    points_here(|| drop(given(Rung {}).when_race([ring(), Ring { bell: 2, ..ring() }]).then_nothing()));
    points_here(|| drop(given(Rung {}).when_raced_by(Rung {}, ring()).then_attempts(1)));
    points_here(|| drop(given(Rung {}).when(ring()).then(Rung {}).when(ring()).then_ended()));
    points_here(|| drop(reactor::<Tired>().when(&1, Rung {}).then_commands(ring())));
    points_here(|| drop(reactor::<Tired>().when(&1, Rung {}).then_parked()));
    points_here(|| drop(reactor::<Tired>().when_redelivered().then_no_commands()));
    points_here(|| drop(projection::<Rings>().given(&1, Rung {}).then_none(&1)));
    points_here(|| drop(flow(bells).when(ring()).then_recorded::<Bell>(&1, ())));
    points_here(|| drop(flow(bells).when(ring()).then_not_found()));
    points_here(|| drop(flow(bells).when(ring()).then_state(&2, |_: &Bell| ())));
    points_here(|| drop(flow(bells).when(ring()).when_redelivered().then_nothing()));
    points_here(|| drop(flow(bells).when_time_passes(std::time::Duration::MAX).then_nothing()));
    points_here(|| drop(flow(bells).given_command(ring()).when_all((ring(), ring())).then_nothing()));
    points_here(|| drop(projection::<RingRows>().given(&1, Rung {}).then_no_rows("SELECT 1")));
    // A panic in a handler stays where it is.
    assert_eq!(
        line_of(|| drop(given(Rung {}).when(Ring { fail: true, ..ring() }).then(Rung {}))),
        IN_THE_HANDLER
    );
}

#[test]
fn a_failure_points_at_the_scenario() {
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(|at| (at.file().to_owned(), at.line()));
        SEEN.lock().unwrap().extend(at);
    }));
    everywhere();
    // Inside of a runtime the scenario runs on a thread of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { everywhere() });
    let _ = panic::take_hook();
}
