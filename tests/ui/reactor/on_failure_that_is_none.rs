use es_core::prelude::*;

#[reactor(on_failure = retry)]
pub struct Mail;

fn main() {}
