use es_core::prelude::*;

#[event]
pub enum MoneyMoved {
    In(u64),
    Out(u64),
}

fn main() {}
