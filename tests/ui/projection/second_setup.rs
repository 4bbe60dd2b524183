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
    fn setup(_: &SqliteTx) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    fn indexes(_: &SqliteTx) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    fn placed(&self, _: &OrderPlaced, _: &SqliteTx) {}
}

fn main() {}
