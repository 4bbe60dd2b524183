use es_core::prelude::*;

#[applier]
pub struct Counter;

fn main() {}
