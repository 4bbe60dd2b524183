use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
    #[invariant]
    fn small(&self, _: u64) -> Result<(), std::fmt::Error> {
        Ok(())
    }
}

fn main() {}
