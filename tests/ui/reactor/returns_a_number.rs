use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) -> u64 {
        1
    }
}

fn main() {}
