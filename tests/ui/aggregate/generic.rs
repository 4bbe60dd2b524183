use es_core::prelude::*;

#[aggregate(id = String)]
pub struct Account<T> {
    pub owner: T,
}

fn main() {}
