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
    #[key(e.day)]
    fn placed(&self, e: &OrderPlaced, _: &SqliteTx) {}
}

fn main() {}
