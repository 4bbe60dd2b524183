use es_core::prelude::*;

#[projection(key = Date)]
pub struct Daily<T> {
    last: T,
}

fn main() {}
