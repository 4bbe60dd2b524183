use es_core::prelude::*;

#[aggregate_id(no_derive(Ord), no_derive(Ord))]
pub struct AccountId(u64);

fn main() {}
