//! Several errors: one for each fault.

use es_core::prelude::*;

#[event(nmae = "moved", version = 0)]
pub enum Moved<T> {
    To(T),
}

fn main() {}
