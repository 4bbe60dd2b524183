use es_core::prelude::*;

#[event]
pub struct Added;

pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) {}
}

fn main() {}
