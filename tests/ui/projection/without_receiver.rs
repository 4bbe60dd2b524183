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
    fn placed(_: &OrderPlaced) {}
}

fn main() {}
