use es_core::prelude::*;

#[projection(key = Date)]
pub enum DailyOrders {
    None,
    Some(u32),
}

fn main() {}
