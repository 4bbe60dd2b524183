//! Reactors with several timers, and reactors in their next version.

use crate::shop::{ArticleAdded, CartId, CheckedOut, Remind, Reserve};
use es_core::__private as p;
use es_core::prelude::*;
use std::time::Duration;

/// Sets two timers at once; the first is refused.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct TwoTimers;
reactor!(TwoTimers, "two_timers", CartId, 1, Start, json!(), 0, Skip);
impl p::React for TwoTimers {
    const METHODS: &'static [p::ReactorMethod<Self>] =
        &[on!(ArticleAdded => (Timer<Reserve>, Timer<Remind>), |call, _e| {
            call.state.get_or_insert_default();
            (Timer::after(Duration::from_hours(1), Reserve { shelf: "a".to_owned(), pieces: 100 }).named("a"),
             Timer::after(Duration::from_hours(2), Remind { cart: call.key.clone() }).named("b"))
        })];
}

/// The next version of the reminder.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct ReminderNext;
reactor!(ReminderNext, "reminder", CartId, 2, Start, json!(), 3, Park);
impl p::React for ReminderNext {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[on!(ArticleAdded => Timer<Remind>, |call, _e| {
        call.state.get_or_insert_default();
        Timer::after(Duration::from_hours(1), Remind { cart: call.key.clone() }).named("reminder")
    })];
}

/// The next version of the greedy one.
#[derive(Default)]
pub struct GreedyNext;
reactor!(GreedyNext, "greedy", StreamId, 2, Start, None, 3, Park);
impl p::React for GreedyNext {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[on!(CheckedOut => Reserve, |_call, e| {
        Reserve { shelf: "a".to_owned(), pieces: e.pieces }
    })];
}

/// Sets a timer behind a command that is refused.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Behind;
reactor!(Behind, "behind", CartId, 1, Start, json!(), 0, Park);
impl p::React for Behind {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[
        on!(ArticleAdded => (Reserve, Timer<Remind>), |call, _e| {
            call.state.get_or_insert_default();
            (Reserve { shelf: "a".to_owned(), pieces: 100 }, Timer::after(Duration::from_hours(1), Remind { cart: call.key.clone() }).named("b"))
        }),
        on!(CheckedOut => CancelTimer, |_call, _e| CancelTimer("b")),
    ];
}
