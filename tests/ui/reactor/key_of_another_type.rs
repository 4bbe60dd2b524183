use es_core::prelude::*;

#[event]
pub struct Added;

#[event]
pub struct Numbered {
    pub number: u64,
}

#[reactor(key = String)]
pub struct Promotion;

#[reactor]
impl Promotion {
    #[key(e.number)]
    fn added(&mut self, e: &Numbered) {}
}

fn main() {}
