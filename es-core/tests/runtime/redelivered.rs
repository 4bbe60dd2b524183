//! Events that come again because a process died before its checkpoint was written.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::{EventStore, MemoryStore};
use std::sync::Arc;

async fn mailing(store: impl EventStore, post: &Arc<Post>) -> Result<App, BuildError> {
    let builder = App::builder(store).aggregate::<Cart>().service::<Post>(post.clone());
    builder.reactor::<Mail>().build().await
}

#[tokio::test(start_paused = true)]
async fn what_stands_before_parked_work_is_not_done_again() {
    let mut redelivered = 0;
    for last in 1.. {
        let (store, post) = (MemoryStore::new(), Arc::new(Post::default()));
        let shop = App::builder(store.clone()).aggregate::<Cart>().build().await.unwrap();
        post.refuse("a2");
        for article in ["a1", "a2", "a3"] {
            shop.execute(add("a", article)).await.unwrap();
        }
        let dying = Dying::at(store.clone(), last, true);
        if let Ok(app) = mailing(dying.clone(), &post).await {
            // Whether it ends is what the next one is asked.
            let _ = app.drain().await;
        }
        let next = mailing(store.clone(), &post).await.unwrap();
        let sent = post.sent();
        let is_aside = !next.parked("mail").await.unwrap().is_empty();
        let passed = store.processors("mail").await.unwrap()[0].checkpoint.position;
        next.drain().await.unwrap();
        // A letter whose event is neither passed nor known to stand before what is set aside may go twice.
        if is_aside {
            assert_eq!(post.sent(), sent, "after call {last}");
            redelivered += u32::from(passed < Position(1));
        }
        assert_eq!(next.parked("mail").await.unwrap()[0].waiting, 1);
        if !dying.died() {
            break;
        }
    }
    assert!(redelivered > 0, "nobody died between the two writes");
}
