use es_core::prelude::*;

#[aggregate(id = String)]
pub struct Account;

#[event]
pub struct Deposited;

#[applier]
impl Account {
    fn deposited(&mut self, _: &Deposited) {}
}

fn main() {}
