use es_core::prelude::*;

#[aggregate_id]
pub struct AccountId;

fn main() {}
