use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub day: Date,
}

#[projection]
pub struct Balances;

pub struct PgTx;

impl PgTx {
    pub async fn wait(&mut self) {}
}

#[projection]
impl Balances {
    async fn placed(&self, _: &OrderPlaced, tx: &mut PgTx) {
        let here = std::rc::Rc::new(());
        tx.wait().await;
        drop(here);
    }
}

fn main() {}
