use es_core::prelude::*;

#[reactor]
pub struct Mail<T>(T);

fn main() {}
