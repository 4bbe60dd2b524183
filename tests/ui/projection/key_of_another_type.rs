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
    #[key(e.day.to_string())]
    fn placed(&mut self, e: &OrderPlaced) {}
}

fn main() {}
