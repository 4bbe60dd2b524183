//! Several errors: the signature itself needs the command, beside what is generated.
use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn refused(&self, _: &Refused<Added>) {}
}

fn main() {}
