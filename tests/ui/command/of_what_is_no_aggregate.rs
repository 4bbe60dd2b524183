//! Several errors: the type of its id is looked for, too.

use es_core::prelude::*;

pub struct Counter;

#[command(Counter)]
pub struct Count {
    #[id]
    pub counter: String,
}

fn main() {}
