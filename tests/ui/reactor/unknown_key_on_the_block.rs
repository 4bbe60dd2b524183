use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Promotion;

#[reactor(key = String)]
impl Promotion {
    fn added(&self, _: &Added) {}
}

fn main() {}
