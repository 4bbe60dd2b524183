use es_core::prelude::*;

#[aggregate_id]
pub enum AccountId {
    Checking,
    Savings,
}

fn main() {}
