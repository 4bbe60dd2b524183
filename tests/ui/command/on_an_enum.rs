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
pub enum Count {
    Up,
    Down,
}

fn main() {}
