use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor(key = String)]
pub struct Promotion;

#[reactor]
impl Promotion {
    fn added(&mut self, _: &Added, cx: &Context<Self>) {}
}

fn main() {}
