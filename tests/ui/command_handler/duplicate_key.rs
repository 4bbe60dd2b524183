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

#[command_handler(retry(max = 5), retry(max = 0))]
impl Counter {
    fn count(&self, _: Count) -> Counted {
        Counted
    }
}

fn main() {}
