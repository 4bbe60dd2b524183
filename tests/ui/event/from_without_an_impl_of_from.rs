use es_core::prelude::*;

#[event(name = "deposited")]
pub struct DepositedV1;

#[event(name = "deposited", version = 2, from = DepositedV1)]
pub struct Deposited;

fn main() {}
