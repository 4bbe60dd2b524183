use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor(inline, retry(max = 3))]
pub struct Offer;

#[reactor]
impl Offer {
    fn added(&self, _: &Added) {}
}

fn main() {}
