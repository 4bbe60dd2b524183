//! Scenarios of reactors.
use crate::failure;
use crate::followers::*;
use crate::model::*;
use es_core::CommandError;
use es_testing::prelude::*;
use expect_test::{Expect, expect};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn austen() -> BookId {
    BookId("austen".into())
}
fn remind() -> Remind {
    Remind { book: emma() }
}
fn give_back() -> Return {
    Return { book: emma() }
}

/// Notes what it is given, and carries nothing to those whose letters it refuses.
struct Letters {
    sent: Mutex<Vec<String>>,
    refused: Mutex<u32>,
}
impl Letters {
    fn refusing(times: u32) -> Arc<Self> {
        Arc::new(Self { sent: Mutex::default(), refused: Mutex::new(times) })
    }
    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}
impl Post for Letters {
    fn send(&self, to: &str) -> u32 {
        self.sent.lock().unwrap().push(to.to_owned());
        let mut refused = self.refused.lock().unwrap();
        let carried = *refused == 0;
        *refused = refused.saturating_sub(1);
        u32::from(carried)
    }
}

#[track_caller]
fn fails(expected: &Expect, scenario: impl FnOnce()) {
    expected.assert_eq(&failure(scenario));
}

#[test]
fn given_events_are_folded_silently() {
    reactor::<Reminder>()
        .given(&emma(), events![lent("Ann"), Returned, lent("Bob"), Returned, lent("Cyd")])
        .when(&emma(), Returned)
        .then_no_commands()
        .then_state(&emma(), |state| assert_eq!((state.times, state.reader.as_str()), (3, "Cyd")))
        .when(&emma(), lent("Ann"))
        .then_commands(give_back())
        .then_commands((give_back(), None::<Remind>))
        .then_commands(vec![give_back()]);
}

#[test]
fn keys_are_apart() {
    reactor::<Reminder>()
        .given(&emma(), [lent("Ann"), lent("Bob")])
        .when(&austen(), lent("Ann"))
        .then_no_commands()
        .then_state(&austen(), |state| assert_eq!(state.times, 1))
        .then_state(&emma(), |state| assert_eq!(state.times, 2));
}

#[test]
fn an_older_event_is_read_as_the_newest() {
    reactor::<Reminder>().when(&emma(), LentV1 { reader: "Ann".into() }).then_timer(14 * DAY, remind());
}

#[test]
fn timers_fire_when_they_are_due() {
    let start = VirtualClock::START;
    reactor::<Reminder>()
        .given(&austen(), Lent { reader: "Bob".into(), days: 3 })
        .when(&emma(), lent("Ann"))
        .then_no_commands()
        .then_timer(14 * DAY, remind())
        .then_timer(start + 3 * DAY, Remind { book: austen() })
        .when_time_passes(2 * DAY)
        .then_no_commands()
        .then_timer(12 * DAY, remind())
        .when_time_passes(20 * DAY)
        .then_commands((Remind { book: austen() }, remind()))
        .when_time_passes(20 * DAY)
        .then_no_commands();
}

#[test]
fn a_timer_is_replaced_and_cancelled_by_its_name() {
    reactor::<Reminder>()
        .given(&emma(), lent("Ann"))
        .when(&emma(), Lent { reader: "Ann".into(), days: 30 })
        .then_timer(30 * DAY, remind())
        .when_time_passes(14 * DAY)
        .then_no_commands()
        .when(&emma(), Returned)
        .then_no_commands()
        .when_time_passes(30 * DAY)
        .then_no_commands();
}

#[test]
fn a_timer_fires_before_what_happens_after_it() {
    reactor::<Reminder>()
        .given(&emma(), lent("Ann"))
        .at(VirtualClock::START + 15 * DAY)
        .when(&emma(), Returned)
        .then_commands(remind());
}

#[test]
fn an_end_takes_state_and_timers_along() {
    reactor::<Reminder>()
        .given(&emma(), lent("Ann"))
        .when(&emma(), Discarded)
        .then_ended(&emma())
        .when_time_passes(20 * DAY)
        .then_no_commands();
}

#[test]
fn a_redelivered_event_is_worked_off_once() {
    reactor::<Reminder>()
        .given(&emma(), (lent("Ann"), lent("Bob")))
        .when_redelivered()
        .then_no_commands()
        .then_state(&emma(), |state| assert_eq!(state.times, 2))
        .when(&emma(), lent("Cyd"))
        .then_commands(give_back())
        .when_redelivered()
        .then_no_commands()
        .then_state(&emma(), |state| assert_eq!(state.times, 3));
}

#[test]
fn a_refusal_is_answered() {
    reactor::<Reminder>()
        .given(&emma(), lent("Ann"))
        .when_time_passes(14 * DAY)
        .then_commands(remind())
        .when_refused(remind(), CommandError::Rejected(BookError::NotLent))
        .then_no_commands()
        .when_refused(remind(), CommandError::Rejected(BookError::NoDays))
        .then_commands(give_back());
}

#[test]
fn a_refusal_that_nobody_answers_is_parked() {
    reactor::<Reminder>()
        .given(&emma(), [lent("Ann"), lent("Bob"), lent("Cyd")])
        .when_refused(give_back(), CommandError::Rejected(BookError::NotLent))
        .then_parked()
        .when(&emma(), lent("Dan"))
        .then_no_commands()
        .then_state(&emma(), |state| assert_eq!(state.times, 3));
}

#[test]
fn effects_are_repeated_with_the_same_ids() {
    let post = Letters::refusing(0);
    reactor::<LentMail>()
        .service::<dyn Post>(post.clone())
        .given(&emma(), lent("Ann"))
        .when(&emma(), lent("Bob"))
        .then_no_commands()
        .when_redelivered()
        .then_no_commands();
    let sent = post.sent();
    assert_eq!(sent.len(), 2, "what is given has no effects: {sent:?}");
    assert!(sent[0].starts_with("Bob ") && sent[0].ends_with(" 1"), "{sent:?}");
    assert_eq!(sent[0], sent[1]);
}

#[test]
fn what_fails_is_tried_again() {
    let post = Letters::refusing(2);
    reactor::<LentMail>()
        .service::<dyn Post>(post.clone())
        .when(&emma(), lent("Ann"))
        .then_retry()
        .when_redelivered()
        .then_retry()
        .when(&austen(), lent("Bob"))
        .then_no_commands()
        .when_redelivered()
        .then_no_commands();
    let attempts: Vec<_> =
        post.sent().iter().map(|sent| sent[..3].to_owned() + &sent[sent.len() - 2..]).collect();
    assert_eq!(attempts, ["Ann 1", "Ann 2", "Bob 1", "Ann 3"]);
}

#[test]
fn what_fails_for_good_is_parked() {
    let post = Letters::refusing(9);
    reactor::<LentMail>()
        .service::<dyn Post>(post.clone())
        .when(&emma(), lent("Ann"))
        .then_parked()
        .when(&emma(), lent("Bob"))
        .then_parked();
    assert_eq!(post.sent().len(), 3, "Bob's waits behind Ann's: {:?}", post.sent());
}

#[test]
fn a_panic_is_a_failure() {
    reactor::<LentMail>()
        .service::<dyn Post>(Letters::refusing(0))
        .when(&emma(), lent("nobody"))
        .then_retry()
        .then_parked();
}

#[test]
fn an_app_sees_what_has_happened() {
    let another = |reader: &str| Buy { book: emma(), title: format!("another one for {reader}") };
    reactor::<Chronicle>()
        .aggregate::<Book>()
        .given(&emma(), (bought(), lent("Ann"), Returned, lent("Bob")))
        .when(&emma(), Returned)
        .then_commands(another("Bob"))
        .when_redelivered()
        .then_no_commands();
}

#[test]
fn other_commands_than_expected() {
    fails(
        expect![[r#"
        other commands than expected (issued ≠ expected):
          command 1: right command Return, `book` "emma" ≠ "austen"
          command 2: missing Remind {"book":"emma"}

          by        Eve
          given     book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
          given     book-emma@2: Lent { reader: "Bob", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
          when      book-emma@3: Lent { reader: "Cyd", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
          issued    Return {"book":"emma"}
    "#]],
        || {
            reactor::<Reminder>()
                .by("Eve")
                .given(&emma(), [lent("Ann"), lent("Bob")])
                .when(&emma(), lent("Cyd"))
                .then_commands((Return { book: austen() }, remind()));
        },
    );
    fails(
        expect![[r#"
        no command should have been issued:
          command 1: unexpected Remind {"book":"emma"}

          given     book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
                    1296000s pass
          fired     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
    "#]],
        || {
            reactor::<Reminder>().given(&emma(), lent("Ann")).when_time_passes(15 * DAY).then_no_commands();
        },
    );
    fails(
        expect![[r#"
        timers are no commands: `.then_timer(due, command)` expects one

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
    "#]],
        || {
            let timer = es_core::Timer::after(DAY, remind());
            reactor::<Reminder>().when(&emma(), lent("Ann")).then_commands(timer);
        },
    );
}

#[test]
fn other_timers_than_expected() {
    fails(
        expect![[r#"
        no timer is set for Remind {"book":"emma"} at 2000-01-16T00:00:00Z
          set is "due" at 2000-01-15T00:00:00Z: Remind {"book":"austen"} (right command Remind, `book` "austen" ≠ "emma")
          set is "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}

          given     book-austen@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"austen"}
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
    "#]],
        || {
            reactor::<Reminder>()
                .given(&austen(), lent("Ann"))
                .when(&emma(), lent("Ann"))
                .then_timer(15 * DAY, remind());
        },
    );
}

#[test]
fn another_state_than_expected() {
    fails(
        expect![[r#"
        there is no state: the reactor has never seen BookId("austen")

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
    "#]],
        || {
            reactor::<Reminder>().when(&emma(), lent("Ann")).then_state(&austen(), |_| ());
        },
    );
    fails(
        expect![[r#"
        there is no state: BookId("emma") has ended

          given     book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
          when      book-emma@2: Discarded
    "#]],
        || {
            reactor::<Reminder>()
                .given(&emma(), lent("Ann"))
                .when(&emma(), Discarded)
                .then_state(&emma(), |_| ());
        },
    );
    fails(
        expect![[r#"
        BookId("emma") has not ended, its state is:
          {"times":1,"reader":"Ann"}

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
    "#]],
        || {
            reactor::<Reminder>().when(&emma(), lent("Ann")).then_ended(&emma());
        },
    );
}

#[test]
fn failures_that_nobody_expected() {
    let letters = || Letters::refusing(1);
    fails(
        expect![[r#"
        the reactor failed (`.then_retry()` and `.then_parked()` expect that):
          "book-emma": lent failed: no post for Ann

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          failed    attempt 1 for "book-emma": lent failed: no post for Ann
    "#]],
        || {
            reactor::<LentMail>()
                .service::<dyn Post>(letters())
                .when(&emma(), lent("Ann"))
                .then_no_commands();
        },
    );
    fails(
        expect![[r#"
        the reactor failed (`.then_retry()` and `.then_parked()` expect that):
          "book-emma": lent failed: no post for Ann

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          failed    attempt 1 for "book-emma": lent failed: no post for Ann
    "#]],
        || {
            let first = reactor::<LentMail>().service::<dyn Post>(letters()).when(&emma(), lent("Ann"));
            first.when(&austen(), lent("Bob")).then_no_commands();
        },
    );
    fails(
        expect![[r#"
        it should be parked, and was done in a further attempt

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          failed    attempt 1 for "book-emma": lent failed: no post for Ann
    "#]],
        || {
            reactor::<LentMail>().service::<dyn Post>(letters()).when(&emma(), lent("Ann")).then_parked();
        },
    );
    fails(
        expect![[r#"
        something should be tried again, and nothing failed

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
    "#]],
        || {
            reactor::<LentMail>()
                .service::<dyn Post>(Letters::refusing(0))
                .when(&emma(), lent("Ann"))
                .then_retry();
        },
    );
    fails(
        expect![[r#"
        book.lent waits behind book.lent, which failed for "book-emma": `.when_redelivered()` tries that again, `.then_parked()` sets it aside

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
          failed    attempt 1 for "book-emma": lent failed: no post for Ann
          when      book-emma@2: Lent { reader: "Bob", days: 14 }
    "#]],
        || {
            let failed =
                reactor::<LentMail>().service::<dyn Post>(letters()).when(&emma(), lent("Ann")).then_retry();
            failed.when(&emma(), lent("Bob")).then_no_commands();
        },
    );
}

#[test]
fn a_service_that_is_missing() {
    fails(
        expect![[r#"
        the method lent of lent_mail takes `&dyn Post` and nobody provides it: add `.service::<dyn Post>(Arc::new(..))`

          given     nothing
          when      book-emma@1: Lent { reader: "Ann", days: 14 }
    "#]],
        || {
            reactor::<LentMail>().when(&emma(), lent("Ann")).then_no_commands();
        },
    );
}

#[test]
fn a_refusal_of_nothing() {
    fails(
        expect![[r#"
        the reactor has not issued Remind {"book":"emma"}

          given     book-emma@1: Lent { reader: "Ann", days: 14 }
          timer     "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
          refused   Remind {"book":"emma"}: not lent
    "#]],
        || {
            let error = CommandError::Rejected(BookError::NotLent);
            reactor::<Reminder>()
                .given(&emma(), lent("Ann"))
                .when_refused(remind(), error)
                .then_no_commands();
        },
    );
}

#[test]
fn what_is_not_parked() {
    fails(
        expect![[r"
        it is not parked: `on_failure = skip` passes it over

          given     nothing
          when      book-emma@1: Returned
          failed    attempt 1 for (): returned failed: no post for anybody
    "]],
        || {
            reactor::<Numbers>().when(&emma(), Returned).then_parked();
        },
    );
    fails(
        expect![[r"
        the reactor does not try it again after attempt 1 (`retry(max = 0)`): returned failed: no post for anybody

          given     nothing
          when      book-emma@1: Returned
          failed    attempt 1 for (): returned failed: no post for anybody
    "]],
        || {
            reactor::<Numbers>().when(&emma(), Returned).then_retry();
        },
    );
}

#[test]
fn a_reactor_depends_on_its_events_alone() {
    fails(
        expect![[r#"
        a law is broken: reacting twice does the same
          second ≠ first:
          `number` 1 ≠ 0
          a reactor takes its time and ids from `&Envelope` and `&Context<Self>`, and nothing from elsewhere

          given     nothing
          when      book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            ASKED.store(0, std::sync::atomic::Ordering::SeqCst);
            reactor::<Numbers>().when(&emma(), bought()).then_no_commands();
        },
    );
}

#[test]
fn a_reactor_without_a_then_checks_nothing() {
    let line = line!() + 1;
    let text = failure(|| drop(reactor::<Reminder>().given(&emma(), lent("Ann"))));
    assert!(
        text.contains(&format!("a `.when(..)` has to follow (at es-testing/tests/kit/reactors.rs:{line}:")),
        "{text}"
    );
    let text = failure(|| drop(reactor::<Reminder>().when(&emma(), lent("Ann"))));
    assert!(text.contains("this scenario checks nothing: a `.then_..(..)` has to follow"), "{text}");
}
