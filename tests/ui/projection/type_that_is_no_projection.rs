use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

#[derive(Default)]
pub struct DailyOrders;

#[projection]
impl DailyOrders {
    fn placed(&mut self, _: &OrderPlaced) {}
}

fn main() {}
