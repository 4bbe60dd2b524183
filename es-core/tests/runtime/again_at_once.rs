//! What fails is tried again without a pause, more than once before anything of it is written.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Paper that is jammed for a number of sheets.
pub struct Paper(AtomicU32);

/// Prints each article.
#[reactor(retry(max = 4, backoff = "0us..0us"))]
pub struct Label;

#[reactor]
impl Label {
    fn added(&self, e: &ArticleAdded, paper: &Paper) -> Result<(), String> {
        let is_jammed = |left: u32| left.checked_sub(1);
        match paper.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_jammed) {
            Ok(_) => Err(format!("no label for {}", e.article)),
            Err(_) => Ok(()),
        }
    }
}

on_every_store! {
    an_event_that_succeeds_in_the_end_is_not_set_aside_any_more,
    an_event_that_fails_each_time_is_parked_with_its_attempts,
}

/// An app with two articles in one cart, and a jam of so many sheets.
async fn labelled(store: &(impl EventStore + Clone), jam: u32) -> App {
    let paper = Arc::new(Paper(AtomicU32::new(jam)));
    let builder = App::builder(store.clone()).aggregate::<Cart>().reactor::<Label>();
    let app = builder.service::<Paper>(paper).build().await.unwrap();
    app.drain().await.unwrap();
    for article in ["a1", "a2"] {
        app.execute(add("a", article)).await.unwrap();
    }
    app.drain().await.unwrap();
    app
}

async fn an_event_that_succeeds_in_the_end_is_not_set_aside_any_more(store: impl EventStore + Clone) {
    let app = labelled(&store, 4).await;
    assert!(app.parked("label").await.unwrap().is_empty());
}

async fn an_event_that_fails_each_time_is_parked_with_its_attempts(store: impl EventStore + Clone) {
    let app = labelled(&store, 5).await;
    let parked = app.parked("label").await.unwrap();
    assert_eq!((parked.len(), parked[0].attempts, parked[0].waiting), (1, 5, 1));
    parked.retry(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert!(app.parked("label").await.unwrap().is_empty());
}
