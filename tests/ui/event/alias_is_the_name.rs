use es_core::prelude::*;

#[event(name = "opened", alias = "opened")]
pub struct AccountOpened;

fn main() {}
