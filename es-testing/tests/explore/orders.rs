//! An order is cancelled where nobody pays in time: timers, and what races with them.

use es_core::{AppBuilder, prelude::*};
use es_testing::prelude::*;
use std::time::Duration;

#[event]
pub struct OrderPlaced;
#[event]
pub struct OrderPaid;
#[event]
pub struct OrderCancelled;

#[command(Order)]
pub struct PlaceOrder {
    #[id]
    pub order: u32,
}
#[command(Order)]
pub struct PayOrder {
    #[id]
    pub order: u32,
}
/// Looks whether the order is paid.
#[command(Order)]
pub struct CancelUnpaid {
    #[id]
    pub order: u32,
}
/// Does not.
#[command(Order)]
pub struct CancelOrder {
    #[id]
    pub order: u32,
}

#[derive(thiserror::Error)]
#[error("the order is cancelled")]
#[value]
pub struct IsCancelled;

#[aggregate(id = u32)]
pub struct Order {
    paid: bool,
    cancelled: bool,
}

#[applier]
impl Order {
    fn placed(_: &OrderPlaced) -> Self {
        Self { paid: false, cancelled: false }
    }
    fn paid(&mut self, _: &OrderPaid) {
        self.paid = true;
    }
    fn cancelled(&mut self, _: &OrderCancelled) {
        self.cancelled = true;
    }
}

#[command_handler]
impl Order {
    fn place(_: PlaceOrder) -> OrderPlaced {
        OrderPlaced
    }
    fn pay(&self, _: PayOrder) -> Result<OrderPaid, IsCancelled> {
        if self.cancelled { Err(IsCancelled) } else { Ok(OrderPaid) }
    }
    fn cancel_unpaid(&self, _: CancelUnpaid) -> Option<OrderCancelled> {
        (!self.paid).then_some(OrderCancelled)
    }
    fn cancel(&self, _: CancelOrder) -> OrderCancelled {
        OrderCancelled
    }
}

const PATIENCE: Duration = Duration::from_mins(30);

/// Never calls its timer off.
#[reactor(key = u32, from = start)]
pub struct StubbornDeadline {}
#[reactor]
impl StubbornDeadline {
    fn placed(&mut self, _: &OrderPlaced, order: &u32) -> Timer<CancelOrder> {
        Timer::after(PATIENCE, CancelOrder { order: *order }).named("payment")
    }
}

/// Calls its timer off, and thinks that it is in time.
#[reactor(key = u32, from = start)]
pub struct TrustingDeadline {}
#[reactor]
impl TrustingDeadline {
    fn placed(&mut self, _: &OrderPlaced, order: &u32) -> Timer<CancelOrder> {
        Timer::after(PATIENCE, CancelOrder { order: *order }).named("payment")
    }
    fn paid(self, _: &OrderPaid) -> CancelTimer {
        CancelTimer("payment")
    }
}

/// Calls its timer off, and lets the order decide.
#[reactor(key = u32, from = start)]
pub struct Deadline {}
#[reactor]
impl Deadline {
    fn placed(&mut self, _: &OrderPlaced, order: &u32) -> Timer<CancelUnpaid> {
        Timer::after(PATIENCE, CancelUnpaid { order: *order }).named("payment")
    }
    fn paid(self, _: &OrderPaid) -> CancelTimer {
        CancelTimer("payment")
    }
}

fn orders<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Order>()
}

/// An order that is paid after a while.
fn paid_after(minutes: u64) -> Story {
    Story::new()
        .command(PlaceOrder { order: 1 })
        .time_passes(Duration::from_mins(minutes))
        .command(PayOrder { order: 1 })
}

/// A paid order is not cancelled.
async fn is_kept(app: &App) -> bool {
    let order = app.load::<Order>(&1).await.expect("a readable stream");
    order.is_none_or(|order| !(order.paid && order.cancelled))
}

#[test]
fn a_timer_that_is_not_called_off_is_found() {
    let app = |app| orders(app).reactor::<StubbornDeadline>();
    let report = explore(app, paid_after(10))
        .invariant("a paid order is not cancelled", async |app| is_kept(&app).await)
        .report();
    let expected = r#""a paid order is not cancelled" does not hold

  1. client: PlaceOrder { order: 1 } -> OrderPlaced (order-1)
  2. stubborn_deadline handles OrderPlaced
  3. 10m pass
  4. client: PayOrder { order: 1 } -> OrderPaid (order-1)
  5. 20m pass
  6. stubborn_deadline does what is due: CancelOrder -> OrderCancelled (order-1)
"#;
    assert_eq!(report.failure.expect("a failure").to_string(), expected);
}

#[test]
fn a_timer_that_is_called_off_too_late_is_found() {
    let app = |app| orders(app).reactor::<TrustingDeadline>();
    let report = explore(app, paid_after(31))
        .invariant("a paid order is not cancelled", async |app| is_kept(&app).await)
        .report();
    let expected = r#""a paid order is not cancelled" does not hold after a lost wake-up at step 2

  1. client: PlaceOrder { order: 1 } -> OrderPlaced (order-1)
  2. 31m pass
     lost wake-up: trusting_deadline does not look at the log meanwhile
  3. client: PayOrder { order: 1 } -> OrderPaid (order-1)
  4. trusting_deadline handles OrderPlaced
  5. trusting_deadline handles OrderPaid: CancelOrder -> OrderCancelled (order-1)
"#;
    assert_eq!(report.failure.expect("a failure").to_string(), expected);
}

#[test]
fn an_order_that_decides_by_itself_is_not_cancelled_when_paid() {
    for minutes in [10, 30, 31] {
        explore(|app| orders(app).reactor::<Deadline>(), paid_after(minutes))
            .invariant("a paid order is not cancelled", async |app| is_kept(&app).await)
            .finally("it is paid or cancelled", async |app| {
                let order = app.load::<Order>(&1).await.expect("a readable stream");
                order.is_some_and(|order| order.paid != order.cancelled)
            })
            .check();
    }
}
