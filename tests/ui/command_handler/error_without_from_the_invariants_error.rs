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
    #[invariant]
    fn small(&self) -> Result<(), std::fmt::Error> {
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no")]
pub struct Refused;

#[command_handler]
impl Counter {
    fn count(&self, _: Count) -> Result<Counted, Refused> {
        Ok(Counted)
    }
}

fn main() {}
