use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor(inline, on_failure = skip)]
pub struct Offer;

#[reactor]
impl Offer {
    fn added(&self, _: &Added) {}
}

fn main() {}
