use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, e: &Added) -> Option<Added> {
        Some(e.clone())
    }
}

fn main() {}
