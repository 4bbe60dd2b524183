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

pub struct Receipt;

#[command_handler]
impl Counter {
    fn count(&self, _: Count) -> Reply<Counted, Receipt> {
        Reply::new(Counted, Receipt)
    }
}

fn main() {}
