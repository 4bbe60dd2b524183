use es_core::prelude::*;

#[event(name = "deposited")]
pub struct DepositedV1;

#[event(name = "account.deposited", version = 2, from = DepositedV1)]
pub struct Deposited;

impl From<DepositedV1> for Deposited {
    fn from(_: DepositedV1) -> Self {
        Deposited
    }
}

fn main() {}
