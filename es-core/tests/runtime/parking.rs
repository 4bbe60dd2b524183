//! What fails: tried again, set aside, decided about.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::{DrainError, ParkedError};
use std::sync::Arc;

async fn mailing(store: &(impl EventStore + Clone)) -> (App, Arc<Post>) {
    let post = Arc::new(Post::default());
    let app = App::builder(store.clone())
        .aggregate::<Cart>()
        .reactor::<Mail>()
        .service::<Post>(post.clone())
        .build()
        .await
        .unwrap();
    (app, post)
}

on_every_store! {
    what_fails_is_parked_and_its_key_waits_while_others_go_on,
    what_is_skipped_is_passed_over,
    a_panic_is_a_failure,
    a_refusal_that_no_method_takes_is_parked_at_once_and_goes_on_where_it_was,
    a_reactor_may_skip_or_stop_by_itself,
}

async fn what_fails_is_parked_and_its_key_waits_while_others_go_on(store: impl EventStore + Clone) {
    let (app, post) = mailing(&store).await;
    post.refuse("a2");
    for (name, article) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"), ("b", "b2")] {
        app.execute(add(name, article)).await.unwrap();
    }
    app.drain().await.unwrap();
    let mut sent = post.sent();
    sent.sort();
    assert_eq!(sent, ["a1", "b1", "b2"]);

    let parked = app.parked("mail").await.unwrap();
    let [entry] = &*parked else { panic!("{parked:?}") };
    assert_eq!((entry.key.as_str(), entry.position.0, entry.name.as_str()), ("cart-a", 2, "ArticleAdded"));
    assert_eq!((entry.attempts, entry.waiting, entry.retrying), (3, 1, false));
    assert_eq!(entry.error, "nobody takes a2");

    // Later events of the key join it, in another app too.
    app.execute(add("a", "a4")).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(app.parked("mail").await.unwrap()[0].waiting, 2);

    post.accept_all();
    parked.retry(&entry.id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(post.sent()[3..], ["a2", "a3", "a4"], "in their order");
    assert!(app.parked("mail").await.unwrap().is_empty());
}

async fn what_is_skipped_is_passed_over(store: impl EventStore + Clone) {
    let (app, post) = mailing(&store).await;
    post.refuse("a1");
    for article in ["a1", "a2"] {
        app.execute(add("a", article)).await.unwrap();
    }
    app.drain().await.unwrap();
    let parked = app.parked("mail").await.unwrap();
    parked.skip(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(post.sent(), ["a2"]);
    assert!(matches!(parked.skip("nothing").await, Err(ParkedError::NotParked { .. })));
}

async fn a_panic_is_a_failure(store: impl EventStore + Clone) {
    let (app, post) = mailing(&store).await;
    for article in ["bomb", "a2"] {
        app.execute(add("a", article)).await.unwrap();
    }
    app.execute(add("b", "b1")).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(post.sent(), ["b1"]);
    assert!(app.parked("mail").await.unwrap()[0].error.contains("do not post bombs"));
}

async fn a_refusal_that_no_method_takes_is_parked_at_once_and_goes_on_where_it_was(
    store: impl EventStore + Clone,
) {
    let builder = App::builder(store.clone()).aggregate::<Cart>().aggregate::<Stock>();
    let app = builder.reactor::<Greedy>().build().await.unwrap();
    app.execute(CheckOut { cart: cart("1"), pieces: 11 }).await.unwrap();
    app.execute(CheckOut { cart: cart("1"), pieces: 4 }).await.unwrap();
    app.drain().await.unwrap();
    let parked = app.parked("greedy").await.unwrap();
    assert_eq!((parked[0].attempts, parked[0].waiting), (1, 1));
    assert_eq!(parked[0].error, "Reserve was refused: only 10 left");

    parked.retry(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(names(&store, "stock-a").await, [""; 0], "it is refused again");
    parked.skip(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(names(&store, "stock-a").await, ["Reserved"]);
}

async fn a_reactor_may_skip_or_stop_by_itself(store: impl EventStore + Clone) {
    let post = Arc::new(Post::default());
    let builder = App::builder(store).aggregate::<Cart>().service::<Post>(post.clone());
    let app = builder.reactor::<LaxMail>().reactor::<StrictMail>().build().await.unwrap();
    post.refuse("a1");
    for article in ["a1", "a2"] {
        app.execute(add("a", article)).await.unwrap();
    }
    let stopped = app.drain().await.unwrap_err();
    assert!(matches!(&stopped, DrainError::Stopped { name, .. } if name == "strict_mail"), "{stopped}");
    assert_eq!(post.sent(), ["a2"], "lax_mail has passed over a1");
}
