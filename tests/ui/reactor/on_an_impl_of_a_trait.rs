use es_core::prelude::*;

#[reactor]
pub struct Mail;

#[reactor]
impl std::fmt::Display for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("mail")
    }
}

fn main() {}
