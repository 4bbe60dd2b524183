use es_core::prelude::*;

#[value(no_derive(Debug), no_derive(Clone))]
#[derive(Debug, Clone)]
pub struct Currency;

fn main() {}
