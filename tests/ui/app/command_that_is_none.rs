use es_core::prelude::*;

pub struct Count;

async fn count(app: &App) {
    let _ = app.execute(Count).await;
}

fn main() {}
