use es_core::prelude::*;

#[event(name = "")]
pub struct AccountOpened;

fn main() {}
