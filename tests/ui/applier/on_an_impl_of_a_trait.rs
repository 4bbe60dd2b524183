use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[applier]
impl Iterator for Counter {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        None
    }
}

fn main() {}
