use es_core::prelude::*;

#[event]
pub struct Added;

#[command(Cart)]
pub struct Discount {
    #[id]
    pub cart: String,
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Cart {}

#[applier]
impl Cart {
    fn added(&mut self, _: &Added) {}
}

#[command_handler]
impl Cart {
    fn discount(&self, _: Discount) -> Added {
        Added
    }
}

#[reactor(inline)]
pub struct Offer;

#[reactor]
impl Offer {
    fn added(&self, _: &Added) -> Commands {
        Commands::new()
    }
}

fn main() {}
