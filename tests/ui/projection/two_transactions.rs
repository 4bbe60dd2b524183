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
    fn placed_elsewhere(&self, _: &OrderPlaced, _: &PgTx) {}
}

pub struct PgTx;

fn main() {}
