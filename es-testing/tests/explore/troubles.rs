//! What is found without being asked for.

use crate::bank::*;
use es_core::{AppBuilder, prelude::*};
use es_testing::prelude::*;

#[event]
pub struct Divided {
    pub by: u64,
}
#[command(Number)]
pub struct Divide {
    #[id]
    pub number: u32,
    pub by: u64,
}
#[aggregate(id = u32, default)]
#[derive(Default)]
pub struct Number {}
#[applier]
impl Number {
    fn divided(&mut self, _: &Divided) {}
}
#[command_handler]
impl Number {
    fn divide(&self, command: Divide) -> Divided {
        Divided { by: 100 / command.by }
    }
}

/// Cannot follow what is divided by 100.
#[projection(key = u32)]
pub struct Quotients {
    pub last: u64,
}
#[projection]
impl Quotients {
    fn divided(&mut self, e: &Divided) {
        self.last = 100 / (e.by - 1);
    }
}

fn numbers<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Number>().projection::<Quotients>()
}

#[test]
fn a_handler_that_panics_is_found() {
    let report = explore(numbers, Story::new().command(Divide { number: 1, by: 0 }))
        .invariant("it holds", async |_| true)
        .report();
    let expected = r#""no command panics" does not hold: attempt to divide by zero

  1. client: Divide { number: 1, by: 0 } -> refused: panicked: attempt to divide by zero
"#;
    assert_eq!(report.failure.expect("a failure").to_string(), expected);
}

#[test]
fn a_projection_that_stops_is_found() {
    let report = explore(numbers, Story::new().command(Divide { number: 1, by: 100 }))
        .invariant("it holds", async |_| true)
        .report();
    let failure = report.failure.expect("a failure");
    assert_eq!(failure.invariant, "quotients goes on");
    assert!(failure.reason.contains("divide by zero"), "{failure}");
    assert_eq!(failure.steps.last().map(String::as_str), Some("quotients handles Divided"));
}

#[test]
fn an_invariant_that_panics_does_not_hold() {
    let report = explore(numbers, Story::new().command(Divide { number: 1, by: 3 }))
        .invariant("nothing is there", async |app| {
            assert!(app.load::<Number>(&1).await.expect("a readable stream").is_none(), "there is a number");
        })
        .report();
    let failure = report.failure.expect("a failure");
    assert_eq!((&*failure.invariant, &*failure.reason), ("nothing is there", "there is a number"));
    assert_eq!(failure.steps.len(), 1);
}

#[test]
fn a_story_that_does_not_begin_is_found() {
    let app = |app: AppBuilder<_>| app.aggregate::<Account>();
    let story = Story::new().given(open("ann", 1)).given(open("ann", 2)).command(open("bob", 1));
    let report = explore(app, story).invariant("it holds", async |_| true).report();
    let failure = report.failure.expect("a failure");
    let begins = r#"the story begins with OpenAccount { account: "ann", balance: 2 }"#;
    assert_eq!(failure.invariant, begins);
}

#[test]
fn a_command_without_an_answer_is_sent_again() {
    let app = |app: AppBuilder<_>| app.aggregate::<Account>();
    let deposit = Deposit { account: "ann".into(), amount: 5, transfer: 1 };
    let story = Story::new().given(open("ann", 10)).command(deposit);
    // It is not carried out twice, so that this only shows the way there.
    explore(app, story.clone())
        .finally("it is carried out once", async |app| balance(&app, "ann").await == 15)
        .check();
    let report = explore(app, story)
        .faults(1)
        .invariant("it is never carried out", async |app| balance(&app, "ann").await == 10)
        .report();
    assert_eq!(report.failure.expect("a failure").steps.len(), 1);
}

#[test]
fn what_is_shorter_is_told_even_where_a_longer_schedule_has_panicked_before() {
    let divide = |number, by| Divide { number, by };
    let story =
        Story::new().client(|other| other.command(divide(2, 5))).command(divide(1, 2)).command(divide(1, 0));
    let report = explore(|app: AppBuilder<_>| app.aggregate::<Number>(), story)
        .invariant("nobody divides 2", async |app| {
            app.load::<Number>(&2).await.map(|number| number.is_none())
        })
        .report();
    let failure = report.failure.expect("a failure");
    assert_eq!((&*failure.invariant, failure.steps.len()), ("nobody divides 2", 1), "{failure}");
}

#[test]
fn what_has_panicked_is_told_even_where_nothing_more_may_be_tried() {
    let report = explore(numbers, Story::new().command(Divide { number: 1, by: 0 }))
        .invariant("it holds", async |_| true)
        .limit(1)
        .report();
    assert_eq!(report.failure.expect("a failure").invariant, "no command panics");
    assert!(!report.is_cut);
}
