use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    #[key(String::new())]
    fn added(&self, _: &Added) {}
}

fn main() {}
