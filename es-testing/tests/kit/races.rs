//! Somebody else is faster.
use crate::fails_with;
use crate::model::*;
use es_testing::prelude::*;

#[test]
fn a_rival_makes_the_command_decide_again() {
    given(bought())
        .when_raced_by(lent("Bob"), lend("Ann"))
        .then_error(BookError::Lent { reader: "Bob".into(), since: VirtualClock::START })
        .then_attempts(2)
        .then_version(2);
    given(bought())
        .when_raced_by((lent("Bob"), Returned), lend("Ann"))
        .then(lent("Ann"))
        .then_attempts(2)
        .then_version(4)
        .when_raced_by(Returned, Return { book: emma() })
        .then_nothing()
        .then_version(5);
}

#[test]
fn a_rival_may_create_the_aggregate_first() {
    given_nothing().when_raced_by(bought(), buy()).then_already_exists().then_attempts(2);
}

#[test]
fn a_command_that_must_not_be_repeated_gives_up() {
    given(bought())
        .when_raced_by(lent("Bob"), Once { book: emma() })
        .then_conflict()
        .then_attempts(1)
        .then_version(2);
}

#[test]
fn two_commands_race_in_both_orders() {
    given(bought())
        .when_race([lend("Ann"), lend("Bob")])
        .then_matches(|events| matches!(events, [BookEvent::Lent(_)]))
        .then_error_matches(|error| matches!(error, BookError::Lent { .. }))
        .then_reply(VirtualClock::START)
        .then_attempts(2)
        .then_version(2)
        .then_state(|book| assert!(book.lent.is_some()))
        .when(Return { book: emma() })
        .then(Returned);
}

#[test]
fn a_race_tells_which_order_is_wrong() {
    fails_with(
        &[
            "event 1: right type Lent, `reader` \"Bob\" ≠ \"Ann\"",
            "in the course where Lend { book: BookId(\"emma\"), reader: \"Bob\", days: 14 } is faster",
        ],
        || {
            given(bought()).when_race([lend("Ann"), lend("Bob")]).then(lent("Ann"));
        },
    );
}

#[test]
fn nobody_races_a_command_that_records_nothing() {
    fails_with(&["there was no race: it was carried out and recorded nothing"], || {
        given(bought()).when_raced_by(lent("Ann"), Return { book: emma() }).then_nothing();
    });
    fails_with(&["there was no race: it was refused: there is no book-emma"], || {
        given_nothing().when_raced_by(bought(), lend("Ann")).then_not_found();
    });
}

#[test]
fn a_race_needs_one_aggregate() {
    fails_with(&["a race is between two commands on one aggregate"], || {
        let other = Lend { book: BookId("persuasion".into()), ..lend("Ann") };
        given(bought()).when_race([lend("Ann"), other]).then_attempts(1);
    });
}
