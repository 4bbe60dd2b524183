//! Several errors: one for each fault.

use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[event]
pub struct Reset;
#[event]
pub struct Stopped;

#[applier]
impl Counter {
    async fn counted(&mut self, _: &Counted) {}
    fn reset(&self, _: &Reset) {}
    fn stopped(self, _: Stopped) {}
    fn value(&self) -> u64 {
        1
    }
}

fn main() {}
