//! Flows: commands to an app, and what follows from them.
use crate::followers::*;
use crate::model::*;
use crate::reactors::{DAY, Letters, austen, give_back, remind};
use es_core::AppBuilder;
use es_core::prelude::*;
use es_core::serde_json::json;
use es_testing::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The library as it is mounted anywhere.
pub(crate) fn library<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Book>()
        .reactor::<LateReminder>()
        .projection::<Loans>()
        .service::<dyn Post>(Letters::refusing(0))
}

/// Asks for a book when its time is over, and lends it to the next one a day later.
#[reactor(key = BookId)]
pub struct Recall;
#[reactor]
impl Recall {
    fn lent(&mut self, e: &Lent, book: &BookId) -> Timer<Return> {
        Timer::after(DAY * e.days, Return { book: book.clone() }).named("recall")
    }
    fn returned(&mut self, _: &Returned, book: &BookId) -> Timer<Lend> {
        let next = Lend { book: book.clone(), reader: "the next one".into(), days: 3 };
        Timer::after(DAY, next).named("lend")
    }
}

/// Has every book lent that is bought, to nobody for no days: which is refused.
#[reactor(key = BookId, on_failure = park)]
pub struct Hasty;
#[reactor]
impl Hasty {
    fn bought(&mut self, _: &Bought, book: &BookId) -> Lend {
        Lend { book: book.clone(), reader: "nobody".into(), days: 0 }
    }
}

/// Buys another book when one goes that nobody has read.
#[reactor(key = BookId)]
pub struct Regret {
    read: bool,
}
#[reactor]
impl Regret {
    fn lent(&mut self, _: &Lent) {
        self.read = true;
    }
    fn discarded(self, _: &Discarded) -> Option<Buy> {
        (!self.read).then(|| Buy { book: austen(), title: "Persuasion".into() })
    }
}

#[test]
fn reactors_and_projections_follow_a_command() {
    flow(library)
        .given(&emma(), events![bought(), lent("Ann"), Returned, lent("Bob"), Returned])
        .when(lend("Cyd"))
        .then_recorded(&emma(), (lent("Cyd"), Returned))
        .then_reply(VirtualClock::START)
        .then_recorded::<Book>(&austen(), ())
        .then_state(&emma(), |book: &Book| assert_eq!(book.lent, None))
        .then_document(&emma(), Loans { title: "Emma".into(), loans: 3 })
        .then_no_document::<Loans>(&austen())
        .then_none::<Book>(&austen())
        .then_timer(14 * DAY, remind());
}

#[test]
fn what_is_given_was_there_before_the_app() {
    flow(library)
        .given(&emma(), events![bought(), lent("Ann"), Returned, lent("Bob"), Returned, lent("Cyd")])
        .when_time_passes(30 * DAY)
        .then_nothing()
        .then_state(&emma(), |book: &Book| assert!(book.lent.is_some(), "nothing was issued"));
    // One that begins at the start answers it, and that is not new when the story begins.
    flow(|app| app.aggregate::<Book>().reactor::<Reminder>().service::<dyn Post>(Letters::refusing(0)))
        .given(&emma(), events![bought(), lent("Ann"), lent("Bob"), lent("Cyd")])
        .when(Return { book: emma() })
        .then_nothing()
        .then_state(&emma(), |book: &Book| assert_eq!(book.lent, None));
}

#[test]
fn a_command_that_is_given_is_followed_too() {
    flow(library)
        .given_command(buy())
        .given_command(lend("Ann"))
        .when(Return { book: emma() })
        .then_recorded(&emma(), Returned)
        .then_timer(14 * DAY, remind());
}

#[test]
fn timers_fire_one_after_the_other() {
    flow(|app| library(app).reactor::<Recall>())
        .given(&emma(), bought())
        .when(lend("Ann"))
        .then_timer(14 * DAY, give_back())
        .when_time_passes(16 * DAY)
        // Had the clock jumped, the book would have come back on the sixteenth day.
        .then_recorded(&emma(), (Returned, Lent { reader: "the next one".into(), days: 3 }))
        .then_state(&emma(), |book: &Book| {
            assert_eq!(book.lent.as_ref().map(|lent| lent.2), Some(VirtualClock::START + 15 * DAY));
        })
        .then_timer(VirtualClock::START + 18 * DAY, give_back())
        .when_restarted()
        .then_nothing()
        .then_timer(2 * DAY, give_back())
        .when_time_passes(2 * DAY)
        .then_recorded(&emma(), Returned);
}

#[test]
fn a_time_that_is_given_is_gone_to() {
    let start = VirtualClock::START;
    flow(|app| library(app).reactor::<Recall>())
        .at(start - DAY)
        .given(&emma(), bought())
        .given_command(lend("Ann"))
        .at(start + 13 * DAY + DAY / 2)
        .when(lend("Bob"))
        .then_recorded(&emma(), lent("Bob"))
        // A day after the book came back, and not after the time that was gone to.
        .then_timer(start + 14 * DAY, Lend { book: emma(), reader: "the next one".into(), days: 3 });
}

#[test]
fn actors_metadata_and_older_events() {
    flow(library)
        .by("Eve")
        .metadata(Metadata::new().with("channel", "desk"))
        .given(&emma(), bought())
        .given_stored::<Book>(&emma(), "book.lent", 1, json!({"reader": "Ann"}))
        .when(Return { book: emma() })
        .then_recorded(&emma(), Returned)
        .then_state(&emma(), |book: &Book| {
            assert_eq!((book.bought_by.as_deref(), book.channel.as_deref()), (Some("Eve"), Some("desk")));
        })
        .then_document(&emma(), Loans { title: "Emma".into(), loans: 1 });
}

#[test]
fn several_commands_in_one_commit() {
    let other = Buy { book: austen(), title: "Persuasion".into() };
    flow(library)
        .when_all((buy(), other.clone()))
        .then_recorded(&emma(), bought())
        .then_recorded(&austen(), Bought { title: "Persuasion".into(), ..bought() })
        .then_document(&emma(), Loans { title: "Emma".into(), loans: 0 })
        .when_all(vec![lend("Ann"), lend("Bob")])
        .then_error_matches(|error| matches!(error.downcast_ref(), Some(BookError::Lent { .. })))
        .when_all((other,))
        .then_already_exists();
}

#[test]
fn a_command_can_be_refused() {
    let story = flow(library).given(&emma(), bought()).when(lend("Ann")).then_recorded(&emma(), lent("Ann"));
    let story = story
        .when(lend("Bob"))
        .then_error(BookError::Lent { reader: "Ann".into(), since: VirtualClock::START })
        .then_error_matches(|error| matches!(error, BookError::Lent { .. }))
        .when(LendForLong { book: emma() })
        .then_invariant(BookError::TooLong { days: 969 })
        .when(buy())
        .then_already_exists()
        .when(Lend { book: austen(), ..lend("Ann") })
        .then_not_found();
    story
        .when(Discard { book: emma() })
        .then_recorded(&emma(), (Returned, Discarded))
        .when(lend("Ann"))
        .then_ended();
}

#[test]
fn what_fails_again_and_again_is_parked() {
    let post = Letters::refusing(9);
    let carried = post.clone();
    flow(move |app| app.aggregate::<Book>().reactor::<LentMail>().service::<dyn Post>(carried.clone()))
        .given(&emma(), bought())
        .when(lend("Ann"))
        .then_recorded(&emma(), lent("Ann"))
        .then_parked("lent_mail")
        // What is parked already need not be expected again.
        .when(Return { book: emma() })
        .then_recorded(&emma(), Returned);
    assert_eq!(post.sent().len(), 3, "{:?}", post.sent());
}

#[test]
fn a_refused_command_of_a_reactor_is_parked() {
    flow(|app| library(app).reactor::<Hasty>())
        .when(buy())
        .then_parked("hasty")
        .then_recorded(&emma(), bought());
}

#[test]
fn effects_are_repeated_and_nothing_else() {
    let post = Letters::refusing(0);
    let carried = post.clone();
    flow(move |app| library(app).reactor::<LentMail>().service::<dyn Post>(carried.clone()))
        .given(&emma(), (bought(), lent("Ann"), Returned))
        .when(lend("Bob"))
        .then_recorded(&emma(), lent("Bob"))
        .when_redelivered()
        .then_nothing()
        .then_timer(14 * DAY, remind());
    let sent = post.sent();
    assert_eq!(sent.len(), 2, "what is given has no effects: {sent:?}");
    assert_eq!(sent[0], sent[1], "the same letter under the same id");
}

#[test]
fn a_process_that_has_ended_is_not_begun_again() {
    let story = flow(|app| library(app).reactor::<Regret>()).given_command(buy()).when(lend("Ann"));
    let story = story.then_recorded(&emma(), lent("Ann")).when(Discard { book: emma() });
    story.then_none::<Book>(&austen()).when_redelivered().then_nothing().then_none::<Book>(&austen());
}

#[test]
fn the_mount_is_called_for_each_app() {
    let apps = Arc::new(AtomicU32::new(0));
    let built = apps.clone();
    let counting = move |app| {
        built.fetch_add(1, Ordering::SeqCst);
        library(app)
    };
    flow(counting).when(buy()).then_recorded(&emma(), bought()).when_restarted().then_nothing();
    assert_eq!(
        apps.load(Ordering::SeqCst),
        4,
        "one, another one in its place, and one for the law behind each"
    );
}

#[tokio::test]
async fn a_flow_runs_inside_of_a_runtime() {
    flow(library).when(buy()).then_recorded(&emma(), bought());
}
