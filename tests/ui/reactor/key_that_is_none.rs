use es_core::prelude::*;

pub struct Colour;

#[reactor(key = Colour)]
pub struct Promotion;

fn main() {}
