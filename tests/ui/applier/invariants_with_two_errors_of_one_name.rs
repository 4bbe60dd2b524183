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
    fn small(&self) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    #[invariant]
    fn even(&self) -> Result<(), std::io::Error> {
        Ok(())
    }
}

fn main() {}
