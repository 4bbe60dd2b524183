use es_core::prelude::*;

#[event]
pub struct Counted;

#[aggregate(id = String, default, snapshot(each = 500))]
#[derive(Default)]
pub struct Counter;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

fn main() {}
