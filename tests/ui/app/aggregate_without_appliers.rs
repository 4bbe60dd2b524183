use es_core::prelude::*;

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter;

async fn mount(store: impl EventStore) {
    let _ = App::builder(store).aggregate::<Counter>().build().await;
}

fn main() {}
