//! A store that goes, and does not come back.

use crate::kit::*;
use crate::shop::*;
use es_core::DrainError;
use es_core::prelude::*;
use es_core::store::{LEASE, MemoryStore};
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test(start_paused = true)]
async fn a_drain_of_an_app_that_runs_ends_when_the_store_has_gone_for_good() {
    let mut waited = 0;
    for last in 20.. {
        let dying = Dying::at(MemoryStore::new(), last, true);
        let builder = App::builder(dying.clone()).aggregate::<Cart>().reactor::<Offer>();
        let Ok(app) = builder.build().await else { continue };
        let running = app.start().await.unwrap();
        for article in ["book", "lamp"] {
            // It may be gone by now.
            let _ = app.execute(add("1", article)).await;
        }
        let before = Instant::now();
        let drained = timeout(Duration::from_mins(10), app.drain()).await;
        let drained = drained.unwrap_or_else(|_| panic!("it waits for ever, from call {last} on"));
        let patient = before.elapsed() >= LEASE && matches!(drained, Err(DrainError::Unavailable(_)));
        waited += u32::from(patient);
        drop(running);
        if !dying.died() {
            break;
        }
    }
    assert!(waited > 0, "nobody had to wait");
}
