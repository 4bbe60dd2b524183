use es_core::prelude::*;

pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) {}
}

fn main() {}
