use es_core::prelude::*;

#[event]
pub struct OrderPlaced;

pub struct Week(u8);

#[projection(key = Week)]
pub struct WeeklyOrders;

#[projection]
impl WeeklyOrders {
    fn placed(&mut self, _: &OrderPlaced, _: &Week) {}
}

fn main() {}
