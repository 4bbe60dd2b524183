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
    #[validate]
    fn any(_: &Count) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    fn count(&self, _: Count) -> Result<Counted, std::num::ParseIntError> {
        Ok(Counted)
    }
}

fn main() {}
