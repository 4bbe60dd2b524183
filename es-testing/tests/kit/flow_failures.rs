//! How a flow says that something is wrong.
use crate::flows::{Hasty, Recall, library};
use crate::followers::*;
use crate::model::*;
use crate::reactors::{DAY, Letters, austen, give_back, remind};
use crate::{fails_with, failure};
use es_core::AppBuilder;
use es_core::prelude::*;
use es_testing::prelude::*;
use expect_test::{Expect, expect};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[track_caller]
fn fails(expected: &Expect, scenario: impl FnOnce()) {
    expected.assert_eq(&failure(scenario));
}

/// Lends what comes back, and asks for what is lent.
#[reactor]
pub struct Circle;
#[reactor]
impl Circle {
    fn lent(&self, _: &Lent, book: &BookId) -> Return {
        Return { book: book.clone() }
    }
    fn returned(&self, _: &Returned, book: &BookId) -> Lend {
        Lend { book: book.clone(), reader: "Ann".into(), days: 1 }
    }
}

struct Nobody;
impl Unused for Nobody {}

/// Has a reader join under another name each time.
#[reactor]
pub struct Crowd;
#[reactor]
impl Crowd {
    async fn bought(&self, _: &Bought, app: &App) -> Result<(), CommandError<std::convert::Infallible>> {
        app.execute(Join { reader: Uuid::new_v4().to_string() }).await.map(drop)
    }
}

/// Says at once that a book is lent, from the first book on.
#[reactor(from = start)]
pub struct Eager;
#[reactor]
impl Eager {
    fn bought(&self, _: &Bought, book: &BookId) -> Lend {
        Lend { book: book.clone(), reader: "Ann".into(), days: 1 }
    }
}

#[test]
fn other_events_than_expected() {
    fails(
        &expect![[r#"
            other events on book-emma than expected (recorded ≠ expected):
              event 2: unexpected Returned

              by        Eve
              given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                        book-emma@2: Lent { reader: "Ann", days: 14 }
                        book-emma@3: Returned
                        book-emma@4: Lent { reader: "Bob", days: 14 }
                        book-emma@5: Returned
              when      Lend { book: BookId("emma"), reader: "Cyd", days: 14 }
              recorded  book-emma@6: book.lent {"reader":"Cyd","days":14}
              issued    late_reminder, on book-emma@6: Return {"book":"emma"}
              timer     late_reminder, "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
              recorded  book-emma@7 by Return: Returned
        "#]],
        || {
            flow(library)
                .by("Eve")
                .given(&emma(), events![bought(), lent("Ann"), Returned, lent("Bob"), Returned])
                .when(lend("Cyd"))
                .then_recorded(&emma(), lent("Cyd"));
        },
    );
}

#[test]
fn other_timers_than_expected() {
    fails(
        &expect![[r#"
            no timer is set for Remind {"book":"emma"} at 2000-01-14T00:00:00Z
              set is late_reminder, "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}

              given     Buy { book: BookId("emma"), title: "Emma" }
              recorded  book-emma@1: Bought {"title":"Emma","shelf":{"room":1,"signs":["novels","new"]}}
              when      Lend { book: BookId("emma"), reader: "Ann", days: 14 }
              recorded  book-emma@2: book.lent {"reader":"Ann","days":14}
              timer     late_reminder, "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
        "#]],
        || {
            flow(library).given_command(buy()).when(lend("Ann")).then_timer(13 * DAY, remind());
        },
    );
}

#[test]
fn another_error_than_expected() {
    fails(
        &expect![[r#"
        Lend { book: BookId("emma"), reader: "Bob", days: 14 } should be refused with NotLent; it was refused with Lent { reader: "Ann", since: 2000-01-01T00:00:00Z }
          actual ≠ expected:
          Lent { reader: "Ann", since: 2000-01-01T00:00:00Z } ≠ NotLent

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                    book-emma@2: Lent { reader: "Ann", days: 14 }
          when      Lend { book: BookId("emma"), reader: "Bob", days: 14 }
          answer    it was refused with Lent { reader: "Ann", since: 2000-01-01T00:00:00Z }
    "#]],
        || {
            flow(library)
                .given(&emma(), (bought(), lent("Ann")))
                .when(lend("Bob"))
                .then_error(BookError::NotLent);
        },
    );
}

#[test]
fn events_where_there_should_be_none() {
    fails(
        &expect![[r#"
            nothing should have been recorded:
              book-emma@2: book.lent {"reader":"Ann","days":14}

              given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
              when      Lend { book: BookId("emma"), reader: "Ann", days: 14 }
              recorded  book-emma@2: book.lent {"reader":"Ann","days":14}
              failed    lent_mail, book.lent of book-emma, attempt 1: no post for Ann
                        lent_mail, book.lent of book-emma, attempt 2: no post for Ann
              parked    lent_mail, book.lent of book-emma: no post for Ann
        "#]],
        || {
            flow(|app| {
                app.aggregate::<Book>().reactor::<LentMail>().service::<dyn Post>(Letters::refusing(9))
            })
            .given(&emma(), bought())
            .when(lend("Ann"))
            .then_nothing();
        },
    );
}

#[test]
fn a_tale_of_timers_and_refusals() {
    fails(
        &expect![[r#"
        there should be no book-emma, its state is:
          Book { title: "Emma", lent: Some(("the next one", 3, 2000-01-16T00:00:00Z)), bought_by: None, channel: None }

          given     nothing
          when      Buy { book: BookId("emma"), title: "Emma" }
          recorded  book-emma@1: Bought {"title":"Emma","shelf":{"room":1,"signs":["novels","new"]}}
          issued    hasty, on book-emma@1: Lend {"book":"emma","days":0,"reader":"nobody"}
          parked    hasty, Bought of emma: Lend was refused: no days
          when      Lend { book: BookId("emma"), reader: "Ann", days: 14 }
          recorded  book-emma@2: book.lent {"reader":"Ann","days":14}
          timer     late_reminder, "due" at 2000-01-15T00:00:00Z: Remind {"book":"emma"}
                    recall, "recall" at 2000-01-15T00:00:00Z: Return {"book":"emma"}
                    1296000s pass
          fired     late_reminder, "due": Remind {"book":"emma"}
          recorded  nothing for Remind
          fired     recall, "recall": Return {"book":"emma"}
          recorded  book-emma@3 by Return: Returned
          timer     recall, "lend" at 2000-01-16T00:00:00Z: Lend {"book":"emma","days":3,"reader":"the next one"}
          fired     recall, "lend": Lend {"book":"emma","days":3,"reader":"the next one"}
          recorded  book-emma@4 by Lend: book.lent {"reader":"the next one","days":3}
          timer     late_reminder, "due" at 2000-01-19T00:00:00Z: Remind {"book":"emma"}
                    recall, "recall" at 2000-01-19T00:00:00Z: Return {"book":"emma"}
    "#]],
        || {
            let story = flow(|app| library(app).reactor::<Hasty>().reactor::<Recall>());
            story
                .when(buy())
                .then_parked("hasty")
                .when(lend("Ann"))
                .then_recorded(&emma(), lent("Ann"))
                .when_time_passes(15 * DAY)
                .then_none::<Book>(&emma());
        },
    );
}

#[test]
fn other_states_and_documents_than_expected() {
    let story = || flow(library).given(&emma(), bought()).when(lend("Ann"));
    fails_with(&["there is no state: book-austen does not exist, or has ended\n"], || {
        story().then_state(&austen(), |_: &Book| ());
    });
    fails_with(&["there should be no book-emma, its state is:\n  Book { title: \"Emma\""], || {
        story().then_none::<Book>(&emma());
    });
    fails_with(
        &[
            "another document of BookId(\"emma\") in loans than expected (actual ≠ expected):\n  `loans` 1 ≠ 2\n",
        ],
        || {
            story().then_document(&emma(), Loans { title: "Emma".into(), loans: 2 });
        },
    );
    fails_with(&["there is no document of BookId(\"austen\") in loans\n"], || {
        story().then_document(&austen(), Loans { title: "Emma".into(), loans: 2 });
    });
    fails_with(
        &["there should be no document of BookId(\"emma\") in loans:\n  {\"title\":\"Emma\",\"loans\":1}"],
        || {
            story().then_no_document::<Loans>(&emma());
        },
    );
    fails_with(
        &["another reply than expected (actual ≠ expected):\n  2000-01-01T00:00:00Z ≠ 1970"],
        || {
            story().then_reply(Timestamp::UNIX_EPOCH);
        },
    );
    fails_with(&["nothing should have been recorded:\n  book-emma@2: book.lent {"], || {
        story().then_nothing();
    });
    fails_with(&["nothing of late_reminder is parked\n"], || drop(story().then_parked("late_reminder")));
    fails_with(&["this app has no reactor \"mail\"\n"], || drop(story().then_parked("mail")));
}

#[test]
fn a_refusal_that_nobody_expected() {
    let refused =
        "Lend { book: BookId(\"emma\"), reader: \"Ann\", days: 14 }: it was refused: there is no book-emma";
    fails_with(&["the command was not carried out:\n", refused], || {
        flow(library).when(lend("Ann")).then_recorded(&emma(), lent("Ann"));
    });
    fails_with(
        &["failed, and no `.then_..(..)` expected that: it was refused: there is no book-emma"],
        || {
            flow(library).when(lend("Ann")).when(buy()).then_recorded(&emma(), bought());
        },
    );
    fails_with(&["the given command Lend {", "failed: it was refused: there is no book-emma"], || {
        flow(library).given_command(lend("Ann")).when(buy()).then_recorded(&emma(), bought());
    });
    fails_with(&["should find no aggregate; it was carried out and recorded 1 event"], || {
        flow(library).when(buy()).then_not_found();
    });
    fails_with(&["a command should find no aggregate, and none came"], || {
        flow(library).when_time_passes(DAY).then_not_found();
    });
}

#[test]
fn something_parked_that_nobody_expected() {
    let story = || {
        flow(|app| app.aggregate::<Book>().reactor::<LentMail>().service::<dyn Post>(Letters::refusing(9)))
            .given(&emma(), bought())
            .when(lend("Ann"))
            .then_recorded(&emma(), lent("Ann"))
    };
    let said = "`.then_parked(..)` does not expect what was parked: lent_mail (at ";
    fails_with(&[said, "flow_failures.rs:", "parked    lent_mail, book.lent of book-emma: "], || {
        drop(story());
    });
    fails_with(&[said], || {
        story().when(give_back()).then_recorded(&emma(), Returned);
    });
}

#[test]
fn a_flow_that_checks_nothing() {
    fails_with(
        &["this scenario checks nothing: a `.then_..(..)` has to follow", "flow_failures.rs:"],
        || {
            drop(flow(library).when(buy()));
        },
    );
    fails_with(&["this scenario checks nothing: a `.when(..)` has to follow"], || drop(flow(library)));
    fails_with(&["this scenario checks nothing"], || {
        drop(flow(library).when(buy()).then_recorded(&emma(), bought()).when_time_passes(DAY));
    });
}

#[test]
fn an_app_that_cannot_be_built() {
    fails_with(&["the handler of Remind in book takes `&dyn Post` and nobody provides it"], || {
        flow(AppBuilder::aggregate::<Book>).when(buy()).then_recorded(&emma(), bought());
    });
}

#[test]
fn a_projection_that_stops() {
    fails_with(
        &[
            "the flow does not go on: loans has stopped: ",
            "no post for a book that nobody has",
            "book-emma@2",
        ],
        || {
            flow(library).given(&emma(), (bought(), Returned)).when(lend("Ann")).then_nothing();
        },
    );
}

#[test]
fn reactors_without_an_end() {
    fails_with(
        &[
            "there is no end to what follows: reactors keep each other busy",
            "issued    circle, on book-emma@2: Return",
        ],
        || {
            flow(|app| library(app).reactor::<Circle>())
                .given(&emma(), bought())
                .when(lend("Ann"))
                .then_recorded(&emma(), lent("Ann"));
        },
    );
}

#[test]
fn a_restart_changes_nothing() {
    let again = Arc::new(AtomicBool::new(false));
    fails_with(
        &[
            "a law is broken: an app that is started anew has nothing to do",
            "recorded book-emma@2: book.lent {",
        ],
        move || {
            let mount = move |app| {
                let app = library(app);
                if again.swap(true, Ordering::SeqCst) { app.reactor::<Eager>() } else { app }
            };
            flow(mount).when(buy()).then_recorded(&emma(), bought());
        },
    );
}

#[test]
fn a_repetition_changes_nothing() {
    fails_with(
        &[
            "a law is broken: what comes again changes nothing",
            "recorded reader-",
            "again     crowd, its last event",
        ],
        || {
            flow(|app| {
                let app = library(app).aggregate::<Reader>().reactor::<Crowd>();
                app.service::<dyn Unused>(Arc::new(Nobody))
            })
            .when(buy())
            .then_recorded(&emma(), bought())
            .when_redelivered()
            .then_nothing();
        },
    );
    fails_with(&["no event came to a reactor that could come again"], || {
        flow(library).when(buy()).then_recorded(&emma(), bought()).when_redelivered().then_nothing();
    });
}

#[test]
fn a_projection_equals_its_rebuild() {
    fails_with(
        &["a law is broken: every projection equals its rebuild", "restless: the document of \"\" differs"],
        || {
            flow(|app| library(app).projection::<Restless>()).when(buy()).then_recorded(&emma(), bought());
        },
    );
}
