use es_core::prelude::*;

#[event]
pub struct AccountOpened<'a> {
    pub owner: &'a str,
}

fn main() {}
