use es_core::prelude::*;

#[event]
pub struct Added;

pub struct Rates;

#[reactor(key = String)]
pub struct Promotion;

#[reactor]
impl Promotion {
    fn added(&mut self, _: &Added, rates: &Rates) {}
}

fn main() {}
