use es_core::prelude::*;

#[reactor]
fn mail() {}

fn main() {}
