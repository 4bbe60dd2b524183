use es_core::prelude::*;

#[projection(key = Date)]
pub struct DailyOrders {
    placed: u32,
}

#[projection]
impl std::fmt::Display for DailyOrders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.placed)
    }
}

fn main() {}
