use es_core::prelude::*;

#[value(name = "currency")]
pub struct Currency;

fn main() {}
