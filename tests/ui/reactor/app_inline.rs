use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor(inline)]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added, app: &App) {}
}

fn main() {}
