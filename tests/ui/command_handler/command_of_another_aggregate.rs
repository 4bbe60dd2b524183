use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Light;

#[event]
pub struct Lit;

#[applier]
impl Light {
    fn lit(&mut self, _: &Lit) {}
}

#[command(Light)]
pub struct Switch {
    #[id]
    pub light: String,
}

#[command_handler]
impl Counter {
    fn switch(&self, _: Switch) -> Counted {
        Counted
    }
}

fn main() {}
