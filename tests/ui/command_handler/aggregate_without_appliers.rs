//! Several errors: its handlers cannot record their events, either.

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

#[command_handler]
impl Counter {
    fn count(&self, _: Count) -> Counted {
        Counted
    }
}

fn main() {}
