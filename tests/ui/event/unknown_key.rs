use es_core::prelude::*;

#[event(nmae = "account.opened")]
pub struct AccountOpened;

fn main() {}
