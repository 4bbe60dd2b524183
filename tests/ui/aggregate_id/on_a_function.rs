use es_core::prelude::*;

#[aggregate_id]
pub fn account_id() {}

fn main() {}
