use es_core::prelude::*;

#[projection(key = Date, key = u64)]
pub struct DailyOrders;

fn main() {}
