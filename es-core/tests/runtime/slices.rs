//! What is decided and what is caught up with, while there is much to do.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::MemoryStore;
use std::sync::Arc;

/// An app that mails, and refuses the first article of cart "a", with some more behind it.
async fn parked(waiting: u32) -> (App, Arc<Post>) {
    let post = Arc::new(Post::default());
    let builder = App::builder(MemoryStore::new()).aggregate::<Cart>().service::<Post>(post.clone());
    let app = builder.reactor::<Mail>().build().await.unwrap();
    post.refuse("a0");
    for n in 0..=waiting {
        app.execute(add("a", &format!("a{n}"))).await.unwrap();
    }
    app.drain().await.unwrap();
    post.accept_all();
    let parked = app.parked("mail").await.unwrap();
    assert_eq!((parked[0].waiting, parked[0].retrying), (waiting.into(), false));
    parked.retry(&parked[0].id).await.unwrap();
    (app, post)
}

#[tokio::test(start_paused = true)]
async fn a_decision_does_not_wait_for_the_end_of_the_log() {
    let (app, post) = parked(0).await;
    for n in 0..250 {
        app.execute(add("b", &format!("b{n}"))).await.unwrap();
    }
    app.drain().await.unwrap();
    let sent = post.sent();
    assert_eq!((sent.len(), sent[0].as_str()), (251, "a0"));
}

#[tokio::test(start_paused = true)]
async fn a_long_replay_holds_up_no_other_key() {
    let (app, post) = parked(300).await;
    app.execute(add("b", "b0")).await.unwrap();
    app.drain().await.unwrap();
    let mut sent = post.sent();
    let other = sent.iter().position(|article| article == "b0").unwrap();
    assert!(other < 200, "the other key waited for {other} letters");
    sent.remove(other);
    assert!(sent.into_iter().eq((0..=300).map(|n| format!("a{n}"))), "in their order");
}
