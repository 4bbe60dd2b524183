use es_core::prelude::*;

#[command]
pub struct Count {
    #[id]
    pub counter: String,
}

fn main() {}
