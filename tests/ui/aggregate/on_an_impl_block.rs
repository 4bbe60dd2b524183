use es_core::prelude::*;

pub struct Account;

#[aggregate(id = String)]
impl Account {}

fn main() {}
