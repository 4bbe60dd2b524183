use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

#[projection]
pub struct Balances;

pub struct SqliteTx;

#[projection]
impl Balances {
    fn placed(&self, _: &OrderPlaced, _: &SqliteTx) {}
    async fn placed_too(&self, _: &OrderPlaced, _: &mut SqliteTx) {}
}

fn main() {}
