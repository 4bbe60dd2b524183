use es_core::prelude::*;

#[command_handler]
pub struct Counter;

fn main() {}
