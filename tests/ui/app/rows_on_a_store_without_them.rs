use es_core::prelude::*;
use es_core::store::{MemoryStore, SqliteError, SqliteTx};

#[event]
pub struct Deposited {
    pub amount: u64,
}

#[projection]
pub struct Balances;

#[projection]
impl Balances {
    fn setup(_: &SqliteTx) -> Result<(), SqliteError> {
        Ok(())
    }
    fn deposited(&self, _: &Deposited, _: &SqliteTx) -> Result<(), SqliteError> {
        Ok(())
    }
}

fn main() {
    let _ = App::builder(MemoryStore::new()).projection::<Balances>();
}
