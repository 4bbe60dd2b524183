//! Several errors: what is generated for a block is there twice. The first says so, where the type stands.

use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[event]
pub struct Reset;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[applier]
impl Counter {
    fn reset(&mut self, _: &Reset) {}
}

fn main() {}
