use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

pub trait Mailer: Send + Sync {}

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted, _: &dyn Mailer) {}
}

fn main() {}
