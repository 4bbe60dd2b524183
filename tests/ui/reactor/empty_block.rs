use es_core::prelude::*;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {}

fn main() {}
