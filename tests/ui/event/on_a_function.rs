use es_core::prelude::*;

#[event]
pub fn deposited() {}

fn main() {}
