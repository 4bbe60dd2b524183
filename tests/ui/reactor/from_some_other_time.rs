use es_core::prelude::*;

#[reactor(from = yesterday)]
pub struct Mail;

fn main() {}
