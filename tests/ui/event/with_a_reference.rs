use es_core::prelude::*;

#[event]
pub struct AccountOpened {
    pub owner: &'static str,
}

fn main() {}
