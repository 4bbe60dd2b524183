use es_core::prelude::*;

#[event(version = 0)]
pub struct AccountOpened;

fn main() {}
