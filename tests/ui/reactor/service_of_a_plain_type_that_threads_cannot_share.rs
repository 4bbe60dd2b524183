use es_core::prelude::*;

#[event]
pub struct Added;

pub struct Rates(std::rc::Rc<u64>);

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added, rates: &Rates) {}
}

fn main() {}
