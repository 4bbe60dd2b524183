use es_core::prelude::*;

#[aggregate(id = String)]
pub struct Account;

#[event]
pub struct Opened;

#[applier]
impl Account {
    fn opened(_: &Opened) {}
}

fn main() {}
