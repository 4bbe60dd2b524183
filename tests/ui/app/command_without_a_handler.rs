use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

#[event]
pub struct Counted;

#[command(Counter)]
pub struct Count {
    #[id]
    pub counter: String,
}

#[applier]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

async fn count(app: &App) {
    let _ = app.execute(Count { counter: "visits".into() }).await;
}

fn main() {}
