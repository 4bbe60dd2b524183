use es_core::prelude::*;

pub struct Counter;

async fn mount(store: impl EventStore) {
    let _ = App::builder(store).aggregate::<Counter>().build().await;
}

fn main() {}
