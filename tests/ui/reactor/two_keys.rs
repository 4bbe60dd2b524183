use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor(key = String)]
pub struct Promotion;

#[reactor]
impl Promotion {
    #[key(String::new())]
    #[key(None)]
    fn added(&mut self, _: &Added) {}
}

fn main() {}
