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
    async fn placed(&self, _: &OrderPlaced, _: &mut SqliteTx) {}
}

fn main() {}
