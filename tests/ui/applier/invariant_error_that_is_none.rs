use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

pub struct TooMany;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
    #[invariant]
    fn small(&self) -> Result<(), TooMany> {
        Ok(())
    }
}

fn main() {}
