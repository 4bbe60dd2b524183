use es_core::prelude::*;

pub struct Week(u8);

#[projection(key = Week)]
pub struct WeeklyOrders;

fn main() {}
