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
    fn placed(&mut self, _: &OrderPlaced, _: &SqliteTx) {}
}

fn main() {}
