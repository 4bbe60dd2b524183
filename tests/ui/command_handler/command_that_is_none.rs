use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

pub struct Count;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[command_handler]
impl Counter {
    fn count(&self, _: Count) -> Counted {
        Counted
    }
}

fn main() {}
