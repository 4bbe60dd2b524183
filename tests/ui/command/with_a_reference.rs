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
pub struct Count {
    #[id]
    pub counter: String,
    pub reason: &'static str,
}

fn main() {}
