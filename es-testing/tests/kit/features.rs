//! What a scenario can say.
use crate::model::*;
use es_core::prelude::*;
use es_core::serde_json::json;
use es_testing::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

#[test]
fn a_story_of_many_commands() {
    given_nothing()
        .when(buy())
        .then(bought())
        .then_version(1)
        .when(lend("Ann"))
        .then(lent("Ann"))
        .then_reply(VirtualClock::START)
        .when_time_passes(DAY)
        .when(lend("Bob"))
        .then_error(BookError::Lent { reader: "Ann".into(), since: VirtualClock::START })
        .then_error_matches(|error| matches!(error, BookError::Lent { .. }))
        .then_attempts(1)
        .then_version(2)
        .then_state(|book| assert_eq!(book.lent.as_ref().unwrap().0, "Ann"))
        .when(Discard { book: emma() })
        .then((Returned, Discarded))
        .then_contains(Returned)
        .then_contains([BookEvent::Discarded(Discarded)])
        .then_matches(|events| events.len() == 2)
        .when(lend("Bob"))
        .then_ended();
}

#[test]
fn a_command_in_between_needs_no_check_if_it_is_carried_out() {
    given_nothing().when(buy()).when(lend("Ann")).then_version(2);
}

#[test]
fn what_the_life_of_an_aggregate_forbids() {
    given(bought()).when(buy()).then_already_exists().then_version(1);
    given_nothing().when(lend("Ann")).then_not_found().then_version(0);
    given(events![bought(), Discarded]).when(lend("Ann")).then_ended();
    given(bought()).when(LendForLong { book: emma() }).then_invariant(BookError::TooLong { days: 969 });
}

#[test]
fn a_validation_is_an_error_like_others() {
    given_nothing().when(Lend { book: emma(), reader: "Ann".into(), days: 0 }).then_error(BookError::NoDays);
}

#[test]
fn given_parts_add_up_in_order() {
    given(bought())
        .given(lent("Ann"))
        .given(vec![Returned])
        .given(Some(lent("Bob")))
        .given([Returned, Returned])
        .when(Return { book: emma() })
        .then_nothing()
        .then_version(6)
        .then_state(|book: &Book| assert_eq!(book.lent, None));
}

#[test]
fn what_older_code_wrote_is_given_as_it_is_stored() {
    given(bought())
        .given_stored("book.lent", 1, json!({"reader": "Ann"}))
        .when(Return { book: emma() })
        .then(Returned);
    given(bought())
        .given_stored("book.burnt", 1, json!({}))
        .when(Return { book: emma() })
        .then_unreadable(|error| assert!(error.to_string().contains("book.burnt"), "{error}"))
        .then_version(2);
}

#[test]
fn a_broken_order_is_unreadable() {
    given(Returned)
        .when(Return { book: emma() })
        .then_unreadable(|error| assert!(matches!(error, DecodeError::CorruptStream { .. })));
}

#[test]
fn other_aggregates_have_histories_too() {
    given(bought())
        .given_in(&BookId("persuasion".into()), (bought(), Discarded))
        .given_in::<Reader>(&"ann".into(), ReaderJoined)
        .when(lend("Ann"))
        .then(lent("Ann"))
        .then_version(2);
}

#[test]
fn a_given_command_is_carried_out() {
    given_nothing()
        .given_command(buy())
        .given_command(Join { reader: "Ann".into() })
        .given_command(lend("Ann"))
        .when(Return { book: emma() })
        .then(Returned)
        .then_version(3);
}

#[test]
fn time_stands_still_until_it_is_moved() {
    let halloween: Timestamp = "2017-10-31T10:00:00Z".parse().unwrap();
    given_nothing().when(buy()).when(lend("Ann")).then_reply(VirtualClock::START);
    given(bought())
        .at(halloween)
        .when_time_passes(DAY)
        .when(lend("Ann"))
        .then_reply(halloween + DAY)
        .then_state(|book| assert_eq!(book.lent.as_ref().unwrap().2, halloween + DAY));
    given_nothing()
        .at(halloween)
        .given((bought(), lent("Ann")))
        .when_time_passes(DAY)
        .when(lend("Bob"))
        .then_error(BookError::Lent { reader: "Ann".into(), since: halloween });
}

#[test]
fn a_scenario_may_lie_before_the_start_of_the_clock() {
    let long_ago = "1815-12-23T00:00:00Z".parse().unwrap();
    given(bought()).at(long_ago).when(lend("Ann")).then_reply(long_ago);
}

#[test]
fn actor_and_metadata_reach_events_and_commands() {
    let said = || Metadata::new().with("channel", "web");
    let looked = |book: &Book| {
        assert_eq!((book.bought_by.as_deref(), book.channel.as_deref()), (Some("Cyd"), Some("web")));
    };
    given_nothing().by("Cyd").metadata(said()).given(bought()).when(lend("Ann")).then_state(looked);
    given_nothing().by("Cyd").metadata(said()).when(buy()).then_state(looked);
}

struct Counted(AtomicU32);
impl Post for Counted {
    fn send(&self, _: &str) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[test]
fn services_are_called_once_and_only_those_of_the_command_are_needed() {
    let post = Arc::new(Counted(AtomicU32::new(0)));
    given((bought(), lent("Ann")))
        .service::<dyn Post>(post.clone())
        .when(Remind { book: emma() })
        .then_nothing()
        .then_reply(1)
        .when(Return { book: emma() })
        .then(Returned)
        .when(Remind { book: emma() })
        .then_error(BookError::NotLent);
    assert_eq!(post.0.load(Ordering::SeqCst), 1);
}

#[test]
fn a_service_may_be_needed_only_later() {
    given((bought(), lent("Ann")))
        .service::<dyn Post>(Arc::new(Counted(AtomicU32::new(6))))
        .when(lend("Bob"))
        .then_error_matches(|_| true)
        .when(Remind { book: emma() })
        .then_reply(7);
}

#[tokio::test]
async fn a_scenario_runs_inside_of_a_runtime() {
    given(bought()).when(lend("Ann")).then(lent("Ann")).when(Return { book: emma() }).then(Returned);
}

#[tokio::test(flavor = "multi_thread")]
async fn and_inside_of_one_with_many_threads() {
    given(bought()).when(lend("Ann")).then(lent("Ann"));
}

#[test]
fn a_list_of_120_events() {
    macro_rules! six_times {
        ($($event:expr),*) => { events![
            bought(), $($event,)* $($event,)* $($event,)* $($event,)* $($event,)* $($event,)* Returned,
        ] };
    }
    let (a, b) = (lent("Ann"), Returned);
    given(six_times![
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone(),
        a.clone(),
        b.clone()
    ])
    .when(lend("Ann"))
    .then(events![lent("Ann")])
    .then_version(123);
    given_nothing().given(events![]).when(buy()).then(events![bought()]);
}

#[test]
fn clones_of_a_clock_share_the_time() {
    let clock = VirtualClock::at(VirtualClock::START);
    let same = clock.clone();
    clock.advance(DAY);
    assert_eq!(same.now(), VirtualClock::START + DAY);
    same.set(Timestamp::UNIX_EPOCH);
    assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
}
