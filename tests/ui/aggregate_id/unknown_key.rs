use es_core::prelude::*;

#[aggregate_id(name = "account")]
pub struct AccountId(u64);

fn main() {}
