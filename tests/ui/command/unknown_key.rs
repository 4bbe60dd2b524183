use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[command(Counter, version = 2)]
pub struct Count {
    #[id]
    pub counter: String,
}

fn main() {}
