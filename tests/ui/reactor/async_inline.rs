use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor(inline)]
pub struct Mail;

#[reactor]
impl Mail {
    async fn added(&self, _: &Added) {}
}

fn main() {}
