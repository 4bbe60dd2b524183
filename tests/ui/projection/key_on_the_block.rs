use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

#[projection(key = Date)]
pub struct DailyOrders {
    placed: u32,
}

#[projection(key = Date)]
impl DailyOrders {
    fn placed(&mut self, _: &OrderPlaced) {}
}

fn main() {}
