use es_core::prelude::*;

#[value]
pub fn currency() {}

fn main() {}
