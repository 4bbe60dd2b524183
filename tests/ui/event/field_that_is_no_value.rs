//! Several errors: every derive asks for its own.

use es_core::prelude::*;

pub struct Currency;

#[event]
pub struct Deposited {
    pub currency: Currency,
}

fn main() {}
