//! How a scenario of a reactor says that something is wrong.
use crate::failure;
use crate::followers::*;
use crate::model::*;
use crate::reactors::{DAY, Letters, austen, remind};
use es_core::CommandError;
use es_testing::prelude::*;
use expect_test::{Expect, expect};

#[track_caller]
fn fails(expected: &Expect, scenario: impl FnOnce()) {
    expected.assert_eq(&failure(scenario));
}

#[test]
fn other_commands_than_expected() {
    fails(
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
        &expect![[r#"
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
fn one_that_begins_now_has_issued_nothing_for_what_is_given() {
    fails(
        &expect![[r#"
        the reactor has not issued Return {"book":"emma"}

          given     book-emma@1: Lent { reader: "Ann", days: 14 }
                    book-emma@2: Lent { reader: "Bob", days: 14 }
                    book-emma@3: Lent { reader: "Cyd", days: 14 }
          refused   Return {"book":"emma"}: not lent
    "#]],
        || {
            let error = CommandError::Rejected(BookError::NotLent);
            reactor::<LateReminder>()
                .given(&emma(), [lent("Ann"), lent("Bob"), lent("Cyd")])
                .when_refused(Return { book: emma() }, error)
                .then_no_commands();
        },
    );
}

#[test]
fn what_is_not_parked() {
    fails(
        &expect![[r"
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
        &expect![[r"
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
        &expect![[r#"
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
        text.contains(&format!(
            "a `.when(..)` has to follow (at es-testing/tests/kit/reactor_failures.rs:{line}:"
        )),
        "{text}"
    );
    let text = failure(|| drop(reactor::<Reminder>().when(&emma(), lent("Ann"))));
    assert!(text.contains("this scenario checks nothing: a `.then_..(..)` has to follow"), "{text}");
}
