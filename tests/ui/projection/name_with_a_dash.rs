use es_core::prelude::*;

#[projection(key = Date, name = "daily-orders")]
pub struct DailyOrders;

fn main() {}
