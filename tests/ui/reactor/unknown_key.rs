use es_core::prelude::*;

#[reactor(key = String, retries = 3)]
pub struct Promotion;

fn main() {}
