use es_core::prelude::*;

#[projection(key = Date, version = 0)]
pub struct DailyOrders;

fn main() {}
