use es_core::prelude::*;

pub trait Mailer {}

async fn mount(store: impl EventStore, mailer: std::sync::Arc<dyn Mailer>) {
    let _ = App::builder(store).service::<dyn Mailer>(mailer).build().await;
}

fn main() {}
