use es_core::prelude::*;

#[event]
pub struct Moved<T> {
    pub to: T,
}

fn main() {}
