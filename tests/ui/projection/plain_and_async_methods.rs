use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

#[projection]
pub struct Balances;

pub struct OtherTx;

#[projection]
impl Balances {
    fn placed(&self, _: &OrderPlaced, _: &OtherTx) {}
    async fn placed_too(&self, _: &OrderPlaced, _: &mut OtherTx) {}
}

fn main() {}
