//! Builds that another process asks for.

use crate::kit::*;
use crate::shop::*;
use es_core::WaitError;
use es_core::prelude::*;
use es_core::store::MemoryStore;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How much was ever added.
#[projection(key = ())]
pub struct Added {
    articles: u32,
}

#[projection]
impl Added {
    fn added(&mut self, _: &ArticleAdded) {
        self.articles += 1;
    }
}

/// The same, written by commits.
#[projection(name = "added", key = (), inline)]
pub struct AddedAtOnce {
    articles: u32,
}

#[projection]
impl AddedAtOnce {
    fn added(&mut self, _: &ArticleAdded) {
        self.articles += 1;
    }
}

static OUT_OF_INK: AtomicBool = AtomicBool::new(true);

/// The same, written down by a printer.
#[projection(key = ())]
pub struct Printed {
    articles: u32,
}

#[projection]
impl Printed {
    fn added(&mut self, _: &ArticleAdded) -> Result<(), std::fmt::Error> {
        self.articles += 1;
        if OUT_OF_INK.load(Ordering::Relaxed) { Err(std::fmt::Error) } else { Ok(()) }
    }
}

async fn app(store: &(impl EventStore + Clone)) -> App {
    App::builder(store.clone()).aggregate::<Cart>().projection::<Added>().build().await.unwrap()
}

async fn builds(store: &(impl EventStore + Clone)) -> Vec<String> {
    let processors = store.processors("").await.unwrap();
    let names = processors.into_iter().map(|processor| processor.name.to_string());
    names.filter(|name| name.contains("added")).collect()
}

on_every_store! {
    whoever_runs_takes_up_a_rebuild_that_somebody_else_asks_for,
    what_becomes_inline_needs_another_version,
}

async fn whoever_runs_takes_up_a_rebuild_that_somebody_else_asks_for(store: impl EventStore + Clone) {
    let (runs, asks) = (app(&store).await, app(&store).await);
    let running = runs.start().await.unwrap();
    runs.execute(add("1", "book")).await.unwrap();
    let done = runs.execute(add("1", "lamp")).await.unwrap();
    runs.wait_for("added", done.position).await.unwrap();

    let before = builds(&store).await;
    asks.rebuild("added").await.unwrap();
    // The new build is read as soon as it has caught up, and the old one is forgotten then.
    let switched = async {
        loop {
            let now = builds(&store).await;
            if now.len() == 1 && now != before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), switched).await.expect("nobody builds it");
    let done = runs.execute(add("1", "desk")).await.unwrap();
    // It waits for the build that took over, not for the one that is gone.
    runs.wait_for("added", done.position).await.unwrap();
    assert_eq!(asks.document::<Added>(&()).await.unwrap(), Some(Added { articles: 3 }));
    running.stop().await.unwrap();
}

/// In a rolling deploy both would write one build, and only one of them looks at what commits have taken.
async fn what_becomes_inline_needs_another_version(store: impl EventStore + Clone) {
    app(&store).await;
    let builder = App::builder(store).aggregate::<Cart>().projection::<AddedAtOnce>();
    let faulty = builder.build().await.unwrap_err().to_string();
    assert!(faulty.contains("`inline` is not as version 1 was built"), "{faulty}");
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_of_what_has_stopped_is_taken_up() {
    let store = MemoryStore::new();
    let printing = || App::builder(store.clone()).aggregate::<Cart>().projection::<Printed>().build();
    let (runs, asks) = (printing().await.unwrap(), printing().await.unwrap());
    let running = runs.start().await.unwrap();
    let done = runs.execute(add("1", "book")).await.unwrap();
    let stopped = runs.wait_for("printed", done.position).await;
    assert!(matches!(stopped, Err(WaitError::Stopped { .. })), "{stopped:?}");

    OUT_OF_INK.store(false, Ordering::Relaxed);
    asks.rebuild("printed").await.unwrap();
    let printed = async {
        while asks.document::<Printed>(&()).await.unwrap() != Some(Printed { articles: 1 }) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), printed).await.expect("nobody builds it");
    running.stop().await.unwrap();
}
