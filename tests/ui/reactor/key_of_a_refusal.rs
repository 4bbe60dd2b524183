use es_core::prelude::*;

#[event]
pub struct Added;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Cart;
#[applier]
impl Cart {
    fn added(&mut self, _: &Added) {}
}
#[command(Cart)]
pub struct Offer {
    #[id]
    pub cart: String,
}
#[command_handler]
impl Cart {
    fn offer(&self, _: Offer) -> Added {
        Added
    }
}

#[reactor(key = String)]
pub struct Promotion;

#[reactor]
impl Promotion {
    #[key(refused.command.cart.clone())]
    fn refused(&mut self, refused: &Refused<Offer>) {}
}

fn main() {}
