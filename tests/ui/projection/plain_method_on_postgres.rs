use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

#[projection]
pub struct Balances;

pub struct PgTx;

#[projection]
impl Balances {
    fn placed(&self, _: &OrderPlaced, _: &PgTx) {}
}

fn main() {}
