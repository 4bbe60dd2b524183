use es_core::prelude::*;

#[projection]
fn placed() {}

fn main() {}
