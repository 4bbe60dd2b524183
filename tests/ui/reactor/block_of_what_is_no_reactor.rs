//! Several errors: what a reactor is made of, and what the receiver needs, is missing with the declaration.
use es_core::prelude::*;

#[event]
pub struct Added;

pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) {}
}

fn main() {}
