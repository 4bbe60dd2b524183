use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[event]
pub struct Reset;

#[command(Counter)]
pub struct Count {
    #[id]
    pub counter: String,
}

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

#[command_handler]
impl Counter {
    fn count(&self, _: Count, cx: &Context<Self>) -> Draft<Self> {
        let mut draft = cx.draft(self);
        draft.raise(Reset);
        draft
    }
}

fn main() {}
