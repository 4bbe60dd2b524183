//! How a scenario says that something is wrong.
use crate::model::*;
use crate::{fails_with, failure};
use es_core::serde_json::json;
use es_testing::prelude::*;

#[test]
fn the_whole_text_of_a_failure() {
    let text = failure(|| {
        given((bought(), lent("Ann")))
            .by("Cyd")
            .when(Return { book: emma() })
            .then(Returned)
            .when(lend("Bob"))
            .then((Returned, lent("Ann"), lent("Ann")));
    });
    let expected = r#"other events than expected (recorded ≠ expected):
  event 1: Lent { reader: "Bob", days: 14 } ≠ Returned
  event 2: missing Lent { reader: "Ann", days: 14 }
  event 3: missing Lent { reader: "Ann", days: 14 }

  given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
            book-emma@2: Lent { reader: "Ann", days: 14 }
  by        Cyd
  when      Return { book: BookId("emma") }
  recorded  book-emma@3: Returned
  when      Lend { book: BookId("emma"), reader: "Bob", days: 14 }
  recorded  book-emma@4: Lent { reader: "Bob", days: 14 }
"#;
    assert_eq!(text, expected);
}

#[test]
fn all_that_is_given_is_told() {
    let text = failure(|| {
        given_nothing()
            .metadata(es_core::Metadata::new().with("channel", "web"))
            .given_command(buy())
            .by("Cyd")
            .when(lend("Ann"))
            .then_nothing();
    });
    let expected = r#"
  metadata  {"extra":{"channel":"web"}}
  given     Buy { book: BookId("emma"), title: "Emma" }
  recorded  book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
  by        Cyd
  when      Lend { book: BookId("emma"), reader: "Ann", days: 14 }
  recorded  book-emma@2: Lent { reader: "Ann", days: 14 }
"#;
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn fields_of_an_event_are_named_by_their_path() {
    fails_with(&["event 1: right type Lent, `days` 14 ≠ 7, `reader` \"Ann\" ≠ \"Bob\"\n"], || {
        given(bought()).when(lend("Ann")).then(Lent { reader: "Bob".into(), days: 7 });
    });
    let shelf = Shelf { room: 2, signs: vec!["novels".into(), "old".into(), "dusty".into()] };
    fails_with(
        &[
            "right type Bought, `shelf.room` 1 ≠ 2, `shelf.signs[1]` \"new\" ≠ \"old\", `shelf.signs[2]` absent ≠ \"dusty\"",
        ],
        || {
            given_nothing().when(buy()).then(Bought { shelf, ..bought() });
        },
    );
}

#[test]
fn an_event_too_many() {
    fails_with(&["event 2: unexpected Discarded"], || {
        given((bought(), lent("Ann"))).when(Discard { book: emma() }).then(Returned);
    });
    fails_with(&["nothing should have been recorded:\n  event 1: unexpected Returned"], || {
        given((bought(), lent("Ann"))).when(Return { book: emma() }).then_nothing();
    });
}

#[test]
fn what_is_not_among_the_events() {
    fails_with(
        &[
            "Lent { reader: \"Bob\", days: 14 } was not recorded",
            "right type Lent, `reader` \"Ann\" ≠ \"Bob\"",
        ],
        || {
            given(bought()).when(lend("Ann")).then_contains(lent("Bob"));
        },
    );
    fails_with(&["the recorded events do not match:\n  Lent {"], || {
        given(bought()).when(lend("Ann")).then_matches(<[BookEvent]>::is_empty);
    });
}

#[test]
fn a_refusal_that_nobody_expected() {
    let not_carried_out = "the command was not carried out:\n  Lend { book: BookId(\"emma\"), reader: \"Ann\", days: 14 }: \
                           it was refused: there is no book-emma";
    fails_with(&[not_carried_out, "  given     nothing\n"], || {
        given_nothing().when(lend("Ann")).then(lent("Ann"));
    });
    fails_with(&[not_carried_out], || drop(given_nothing().when(lend("Ann")).then_nothing()));
    fails_with(&[not_carried_out], || {
        given_nothing().when(lend("Ann")).then_reply(VirtualClock::START);
    });
    fails_with(
        &["failed, and no `.then_..(..)` expected that: it was refused: there is no book-emma"],
        || {
            given_nothing().when(lend("Ann")).when(buy()).then(bought());
        },
    );
}

#[test]
fn another_error_than_expected_shows_its_fields() {
    fails_with(
        &[
            "should be refused with Lent { reader: \"Bob\"",
            "actual ≠ expected:\n  `reader` \"Ann\" ≠ \"Bob\"\n",
        ],
        || {
            given((bought(), lent("Ann")))
                .when(lend("Bob"))
                .then_error(BookError::Lent { reader: "Bob".into(), since: VirtualClock::START });
        },
    );
    fails_with(&["actual ≠ expected:\n  Lent {", "} ≠ NotLent"], || {
        given((bought(), lent("Ann"))).when(lend("Bob")).then_error(BookError::NotLent);
    });
    fails_with(&["should be refused with NotLent; it was carried out and recorded 1 event"], || {
        given(bought()).when(lend("Ann")).then_error(BookError::NotLent);
    });
    fails_with(&["should be refused with a matching error; it was refused with Lent {"], || {
        given((bought(), lent("Ann")))
            .when(lend("Bob"))
            .then_error_matches(|error| *error == BookError::NotLent);
    });
}

#[test]
fn an_invariant_is_not_a_handler() {
    fails_with(&["it is an invariant that refused it: `.then_invariant(..)` expects that"], || {
        given(bought()).when(LendForLong { book: emma() }).then_error(BookError::TooLong { days: 969 });
    });
    fails_with(&["it is the handler that refused it: `.then_error(..)` expects that"], || {
        given(bought()).when(Lend { days: 0, ..lend("Ann") }).then_invariant(BookError::NoDays);
    });
    fails_with(&["an invariant refused it with TooLong { days: 969 }", "`days` 969 ≠ 1\n"], || {
        given(bought()).when(LendForLong { book: emma() }).then_invariant(BookError::TooLong { days: 1 });
    });
}

#[test]
fn other_answers_than_expected() {
    fails_with(&["should find no aggregate; it was carried out and recorded 1 event"], || {
        given(bought()).when(lend("Ann")).then_not_found();
    });
    fails_with(&["should find that the aggregate exists already; it was carried out"], || {
        given_nothing().when(buy()).then_already_exists();
    });
    fails_with(&["should find that the aggregate has ended; it was refused: there is no book-emma"], || {
        given_nothing().when(lend("Ann")).then_ended();
    });
    fails_with(&["should give up after conflicts; it was carried out and recorded nothing"], || {
        given(bought()).when(Return { book: emma() }).then_conflict();
    });
    fails_with(&["should find an unreadable history; it was carried out"], || {
        given(bought()).when(lend("Ann")).then_unreadable(|_| ());
    });
    fails_with(
        &["the command was not carried out:", "the history is unreadable: stream book-emma, version 2"],
        || {
            given(bought()).given_stored("book.burnt", 1, json!({})).when(lend("Ann")).then(lent("Ann"));
        },
    );
}

#[test]
fn other_figures_than_expected() {
    fails_with(&["book-emma is at another version than expected: 2 ≠ 3"], || {
        given(bought()).when(lend("Ann")).then_version(3);
    });
    fails_with(&["another number of attempts than expected: 1 ≠ 2"], || {
        given(bought()).when(lend("Ann")).then_attempts(2);
    });
    fails_with(
        &["another reply than expected (actual ≠ expected):\n  2000-01-01T00:00:00Z ≠ 1970-01-01T00:00:00Z"],
        || {
            given(bought()).when(lend("Ann")).then_reply(es_core::jiff::Timestamp::UNIX_EPOCH);
        },
    );
}

#[test]
fn a_state_that_is_not_there() {
    fails_with(&["there is no state: book-emma does not exist"], || {
        given_nothing().when(lend("Ann")).then_state(|_| ());
    });
    fails_with(&["there is no state: book-emma has ended"], || {
        given(bought()).when(Discard { book: emma() }).then_state(|_| ());
    });
    fails_with(&["the closure's own words"], || {
        given(bought()).when(lend("Ann")).then_state(|_| panic!("the closure's own words"));
    });
}

#[test]
fn a_scenario_that_checks_nothing() {
    fails_with(&["this scenario checks nothing: a `.then_..(..)` has to follow", "failures.rs:"], || {
        drop(given(bought()).when(lend("Ann")));
    });
    fails_with(&["this scenario checks nothing: a `.when(..)` has to follow", "failures.rs:"], || {
        drop(given::<Book, _>(bought()));
    });
    fails_with(&["this scenario checks nothing"], || {
        drop(given(bought()).when(lend("Ann")).then_version(2).when(Return { book: emma() }));
    });
}

#[test]
fn a_given_command_that_is_refused() {
    fails_with(&["the given command Lend {", "failed: it was refused: there is no book-emma"], || {
        given_nothing().given_command(lend("Ann")).when(buy()).then(bought());
    });
}

#[test]
fn a_service_that_nobody_gave() {
    fails_with(&["the handler of Remind in book takes", "`.service::<dyn Post>(Arc::new(..))`"], || {
        given((bought(), lent("Ann"))).when(Remind { book: emma() }).then_nothing();
    });
}

#[test]
fn a_clock_at_its_end() {
    fails_with(&["the clock cannot go beyond the year 9999"], || {
        given(bought()).when_time_passes(std::time::Duration::MAX).when(lend("Ann")).then(lent("Ann"));
    });
    fails_with(&["the clock cannot go"], || {
        VirtualClock::at(VirtualClock::START).advance(std::time::Duration::MAX);
    });
}
