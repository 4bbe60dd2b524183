use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[command(Counter)]
pub struct Count {
    #[id]
    pub counter: String,
}

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[command_handler]
impl Counter {
    fn count(&self, _: Count) -> Counted {
        Counted
    }
    fn value(&self) -> u64 {
        1
    }
}

fn main() {}
