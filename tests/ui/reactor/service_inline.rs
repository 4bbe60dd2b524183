use es_core::prelude::*;

#[event]
pub struct Added;

pub trait Mailer: Send + Sync {}

#[reactor(inline)]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added, mailer: &dyn Mailer) {}
}

fn main() {}
