use es_core::prelude::*;

#[reactor(name = "thank-you-mail")]
pub struct Mail;

fn main() {}
