//! Scenarios of reactors.
use crate::followers::*;
use crate::model::*;
use es_core::CommandError;
use es_testing::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const DAY: Duration = Duration::from_hours(24);

pub(crate) fn austen() -> BookId {
    BookId("austen".into())
}
pub(crate) fn remind() -> Remind {
    Remind { book: emma() }
}
pub(crate) fn give_back() -> Return {
    Return { book: emma() }
}

/// Notes what it is given, and carries nothing to those whose letters it refuses.
pub(crate) struct Letters {
    sent: Mutex<Vec<String>>,
    refused: Mutex<u32>,
}
impl Letters {
    pub(crate) fn refusing(times: u32) -> Arc<Self> {
        Arc::new(Self { sent: Mutex::default(), refused: Mutex::new(times) })
    }
    pub(crate) fn sent(&self) -> Vec<String> {
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
fn one_that_begins_now_sets_no_timers_for_what_is_given() {
    reactor::<LateReminder>()
        .given(&emma(), [lent("Ann"), lent("Bob")])
        .when_time_passes(20 * DAY)
        .then_no_commands()
        .then_state(&emma(), |state| assert_eq!(state.times, 2))
        .when(&emma(), lent("Cyd"))
        .then_commands(give_back())
        .when_time_passes(14 * DAY)
        .then_commands(remind());
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
