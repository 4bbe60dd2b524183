use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Account;

#[event]
pub struct Opened;

#[applier]
impl Account {
    fn opened(_: &Opened) -> Self {
        Account
    }
}

fn main() {}
