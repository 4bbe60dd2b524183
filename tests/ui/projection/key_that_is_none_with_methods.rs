use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

pub struct Week(u8);

#[projection(key = Week)]
pub struct WeeklyOrders;

#[projection]
impl WeeklyOrders {
    fn placed(&mut self, _: &OrderPlaced) {}
    #[key(Week(1))]
    fn placed_again(&mut self, _: &OrderPlaced) {}
}

fn main() {}
