use es_core::prelude::*;

#[event]
pub struct Added;

pub trait Mailer: Send + Sync {}

#[reactor(key = String)]
pub struct Promotion;

#[reactor]
impl Promotion {
    fn added(&mut self, _: &Added, mailer: &dyn Mailer) {}
}

fn main() {}
