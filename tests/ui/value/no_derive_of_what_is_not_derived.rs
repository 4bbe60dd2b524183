use es_core::prelude::*;

#[value(no_derive(Hash))]
pub struct Currency;

fn main() {}
