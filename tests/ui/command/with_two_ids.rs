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

#[command(Counter)]
pub struct Merge {
    #[id]
    pub counter: String,
    #[id]
    pub other: String,
}

fn main() {}
