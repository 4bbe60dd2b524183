use es_core::prelude::*;

#[aggregate_id]
pub struct AccountId(Vec<u8>);

fn main() {}
