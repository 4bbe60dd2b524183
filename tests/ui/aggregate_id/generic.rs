use es_core::prelude::*;

#[aggregate_id]
pub struct Id<T>(T);

fn main() {}
