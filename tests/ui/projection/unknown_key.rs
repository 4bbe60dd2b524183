use es_core::prelude::*;

#[projection(keys = Date)]
pub struct DailyOrders;

fn main() {}
