use es_core::prelude::*;

#[reactor(key = String, key = u64)]
pub struct Promotion;

fn main() {}
