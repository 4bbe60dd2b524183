//! Several errors: the block needs the declaration in its head, in its table and in its receivers.
use es_core::prelude::*;

#[event]
pub struct Added;

pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) {}
}

fn main() {}
