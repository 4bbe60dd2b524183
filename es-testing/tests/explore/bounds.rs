//! How far is looked, and what is said where that was not far enough.

use crate::bank::{Account, Freeze, open};
use crate::failure;
use es_core::{AppBuilder, prelude::*};
use es_testing::prelude::*;
use std::time::Duration;

fn accounts<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Account>()
}

fn story() -> Story {
    Story::new().command(open("ann", 10)).command(Freeze { account: "ann".into() })
}

/// Reminds of something every day, for ever.
#[reactor(key = String, from = start)]
pub struct Daily {}
#[reactor]
impl Daily {
    fn opened(&mut self, _: &crate::bank::AccountOpened, account: &String) -> Timer<Remind> {
        tomorrow(account)
    }
    fn reminded(&mut self, _: &Reminded, account: &String) -> Timer<Remind> {
        tomorrow(account)
    }
}

fn tomorrow(account: &str) -> Timer<Remind> {
    Timer::after(Duration::from_hours(24), Remind { account: account.to_owned() }).named("daily")
}

#[event]
pub struct Reminded;
#[command(Reminder)]
pub struct Remind {
    #[id]
    pub account: String,
}
#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Reminder {
    pub count: u32,
}
#[applier]
impl Reminder {
    fn reminded(&mut self, _: &Reminded) {
        self.count += 1;
    }
}
/// Reminds of something once.
#[command(Reminder)]
pub struct RemindOnce {
    #[id]
    pub account: String,
}
/// Does so, too, and says something else about it.
#[command(Reminder)]
pub struct RemindByHand {
    #[id]
    pub account: String,
}
#[command_handler]
impl Reminder {
    fn once(&self, _: RemindOnce) -> Option<Reminded> {
        (self.count == 0).then_some(Reminded)
    }
    fn by_hand(&self, _: RemindByHand) -> Option<Reminded> {
        (self.count == 0).then_some(Reminded)
    }
    fn remind(&self, _: Remind) -> Reminded {
        Reminded
    }
}

#[test]
fn a_limit_is_said() {
    let explored = || explore(accounts, story()).invariant("it holds", async |_| true);
    let whole = explored().report();
    assert!(!whole.is_cut && whole.failure.is_none());
    let part = explored().limit(whole.schedules - 1).report();
    assert!(part.is_cut);
    assert!(part.schedules < whole.schedules);
}

#[test]
fn a_check_that_has_not_seen_all_fails() {
    let text = failure(|| {
        explore(accounts, story()).invariant("it holds", async |_| true).limit(1).check();
    });
    assert!(text.starts_with("nothing was found, and there is more to look at: 1 schedules tried"), "{text}");
}

#[test]
fn a_story_of_which_nothing_is_asked_fails() {
    let text = failure(|| explore(accounts, story()).check());
    assert!(text.starts_with("nothing is asked of this story"), "{text}");
}

#[test]
fn timers_without_an_end_are_given_one() {
    let app = |app| accounts(app).aggregate::<Reminder>().reactor::<Daily>();
    explore(app, Story::new().command(open("ann", 10)))
        .within(Duration::from_hours(72))
        .faults(0)
        .finally("it was said on three days", async |app| {
            let reminder = app.load::<Reminder>(&"ann".to_owned()).await;
            reminder.map(|reminder| reminder.is_some_and(|reminder| reminder.count == 3))
        })
        .check();
}

#[test]
fn without_faults_nothing_goes_wrong() {
    let explored =
        |faults| explore(accounts, story()).faults(faults).invariant("it holds", async |_| true).report();
    // One client: one order, two steps.
    assert_eq!((explored(0).schedules, explored(0).states, explored(0).depth), (2, 3, 2));
    assert!(explored(1).states > 3);
}

#[test]
fn clients_come_in_every_order() {
    let story = Story::new()
        .given(open("ann", 10))
        .client(|other| other.command(open("bob", 1)).command(open("cyd", 1)))
        .command(Freeze { account: "ann".into() });
    // The log tells one order from another: 1 that is empty, 2 with one event, 3 with two, 3 with three.
    let report = explore(accounts, story).faults(0).invariant("it holds", async |_| true).report();
    assert_eq!((report.states, report.depth), (9, 3));
}

#[test]
fn a_client_begins_where_it_stands_in_the_story() {
    let story = || {
        Story::new()
            .command(open("ann", 10))
            .client(|other| other.command(Freeze { account: "ann".into() }))
            .command(open("bob", 1))
    };
    let report = explore(accounts, story()).faults(0).invariant("it holds", async |_| true).report();
    // With the second client from the beginning there were 9.
    assert_eq!((report.states, report.depth), (6, 3));
}

#[tokio::test]
async fn a_story_can_be_explored_inside_of_a_runtime() {
    explore(accounts, story())
        .finally("ann has an account", async |app| {
            app.load::<Account>(&"ann".to_owned()).await.map(|account| account.is_some())
        })
        .check();
}

#[test]
fn schedules_are_told_apart_by_what_is_said_about_their_events() {
    let ann = || "ann".to_owned();
    let story = Story::new()
        .client(|other| other.command(RemindByHand { account: ann() }))
        .command(RemindOnce { account: ann() });
    let report = explore(|app: AppBuilder<_>| app.aggregate::<Reminder>(), story)
        .faults(0)
        .finally("nobody was reminded by hand", async |app| {
            let history = app.history::<Reminder>(&"ann".to_owned()).await;
            history.map(|events| {
                events.iter().all(|event| event.envelope.metadata.command.as_deref() != Some("RemindByHand"))
            })
        })
        .report();
    assert_eq!(report.failure.expect("a failure").steps.len(), 2);
}
