//! Several errors: one for each fault.

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

#[command(Counter)]
pub struct Reset {
    #[id]
    pub counter: String,
}

#[command(Counter)]
pub struct Stop {
    #[id]
    pub counter: String,
}

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[command_handler(again)]
impl Counter {
    fn count(&mut self, _: Count) -> Counted {
        Counted
    }
    fn reset(&self, _: &Reset) -> Counted {
        Counted
    }
    fn stop(&self, _: Stop, _: &String) -> Counted {
        Counted
    }
    fn value(&self) -> u64 {
        1
    }
}

fn main() {}
