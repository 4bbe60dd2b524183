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
    async fn setup(_: &mut OtherTx) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    fn placed(&self, _: &OrderPlaced, _: &OtherTx) {}
}

fn main() {}
