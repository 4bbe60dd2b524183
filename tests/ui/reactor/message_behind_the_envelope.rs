use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, env: &Envelope, e: &Added) {}
}

fn main() {}
