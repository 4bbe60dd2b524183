use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Employee;

#[event]
pub struct Retired;

#[applier]
impl Employee {
    fn retired(&mut self, _: &Retired) {}
}

fn main() {}
