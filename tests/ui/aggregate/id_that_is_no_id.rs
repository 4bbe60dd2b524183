use es_core::prelude::*;

#[event]
pub struct Counted;

#[aggregate(id = f64, default)]
#[derive(Default)]
pub struct Counter;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

fn main() {}
