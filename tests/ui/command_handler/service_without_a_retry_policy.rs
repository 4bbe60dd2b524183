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

pub trait Mailer: Send + Sync {}

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[command_handler]
impl Counter {
    fn count(&self, _: Count, _: &dyn Mailer) -> Counted {
        Counted
    }
}

fn main() {}
