use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) -> impl es_core::IntoCommands {}
}

fn main() {}
