//! Several errors: every fault of a block is reported.

use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

#[projection(key = Date)]
pub struct DailyOrders {
    placed: u32,
}

#[projection]
impl DailyOrders {
    async fn placed(&self, _: OrderPlaced, _: &App) {}
    fn nothing(&mut self) {}
}

fn main() {}
