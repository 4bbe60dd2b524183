//! Several errors: each says the same, of what is generated for the block. The first stands at the type.

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
