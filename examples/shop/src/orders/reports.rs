//! What is read on every store: two kinds of documents.

use super::order::{
    OrderBackOrdered, OrderCancelled, OrderCompleted, OrderId, OrderReceived, OrderShipped, Status,
};
use es_core::prelude::*;

/// How many orders came, left and were cancelled on a day.
#[projection(key = Date, version = 1)]
pub struct DailyOrders {
    pub placed: u32,
    /// What was ordered, in cents.
    pub turnover: u64,
    pub shipped: u32,
    pub cancelled: u32,
}

#[projection]
impl DailyOrders {
    #[key(env.recorded_at.date())]
    fn placed(&mut self, e: &OrderReceived, env: &Envelope) {
        self.placed += 1;
        self.turnover += e.total;
    }

    #[key(env.recorded_at.date())]
    fn shipped(&mut self, _: &OrderShipped, env: &Envelope) {
        self.shipped += 1;
    }

    #[key(env.recorded_at.date())]
    fn cancelled(&mut self, _: &OrderCancelled, env: &Envelope) {
        self.cancelled += 1;
    }
}

/// How far each order is.
#[projection(key = OrderId, version = 1)]
pub struct OrderList {
    pub customer: String,
    /// In cents.
    pub total: u64,
    pub status: Status,
    /// The parcel's number, or why there is none.
    pub note: Option<String>,
}

#[projection]
impl OrderList {
    fn received(&mut self, e: &OrderReceived) {
        self.customer.clone_from(&e.customer);
        self.total = e.total;
    }

    fn back_ordered(&mut self, e: &OrderBackOrdered) {
        self.status = Status::BackOrdered;
        self.note = Some(format!("waits for {}", e.article));
    }

    fn shipped(&mut self, e: &OrderShipped) {
        self.status = Status::Shipped;
        self.note = Some(e.tracking.clone());
    }

    fn completed(&mut self, _: &OrderCompleted) {
        self.status = Status::Completed;
    }

    fn cancelled(&mut self, e: &OrderCancelled) {
        self.status = Status::Cancelled;
        self.note = Some(e.reason.clone());
    }
}
