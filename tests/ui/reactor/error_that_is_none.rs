use es_core::prelude::*;

#[event]
pub struct Added;

pub struct Nothing;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) -> Result<(), Nothing> {
        Err(Nothing)
    }
}

fn main() {}
