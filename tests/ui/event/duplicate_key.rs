use es_core::prelude::*;

#[event(version = 1, version = 1)]
pub struct AccountOpened;

fn main() {}
