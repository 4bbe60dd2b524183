use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    fn added(&self, _: &Added) -> Result<u64, IdError> {
        Ok(1)
    }
}

fn main() {}
