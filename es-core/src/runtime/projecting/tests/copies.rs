//! Copies as of a time, and whether the documents are what the log gives.

use super::busy::Busy;
use super::fixture::*;
use super::on_every_store;
use crate::app::App;
use crate::id::{Position, StreamId};
use crate::runtime::{DocumentError, ProjectionError};
use crate::store::{Advance, Commit, DocumentWrite, EventStore, Expected};

on_every_store! {
    a_copy_has_what_was_recorded_until_then
    a_copy_that_fails_leaves_nothing
    what_matches_does_not_differ
    planted_drift_is_found
    a_version_is_compared_by_its_own_code
    what_was_written_ahead_is_no_drift
    what_the_projection_has_not_come_to_is_no_drift
    what_was_written_ahead_of_a_head_that_is_out_of_date_is_no_drift
}

/// Writes over one document, takes another away, and adds one that no event gives.
pub(super) async fn spoil<S: EventStore>(store: &S, app: &App) {
    let follower = &*followers(app)[0];
    let lease = take(store, follower).await;
    let mut advance = Advance::under(&lease);
    for (key, body) in [("cup", None), ("jug", Some("{\"count\":1}")), ("tea", Some("{\"count\":9}"))] {
        advance.writes.push(DocumentWrite {
            collection: lease.processor.clone(),
            key: key.into(),
            revision: None,
            position: Position(6),
            body: body.map(Into::into),
        });
    }
    store.advance(advance).await.unwrap();
    store.release(&lease).await.unwrap();
}

async fn a_copy_has_what_was_recorded_until_then<S: EventStore + Clone>(store: S) {
    let at = |time, item| {
        let mut event = sold(item);
        event.recorded_at = second(time);
        event
    };
    write(&store, [at(1, "tea"), at(2, "tea"), at(2, "cup"), at(3, "tea")]).await;
    let app = App::builder(store.clone()).projection::<Sales<1>>().projection::<Everything>();
    let app = app.build().await.unwrap();
    drain(&store, &app).await;
    let copy = app.rebuild_until("sales", second(2)).await.unwrap();
    let listed = copy.documents::<Sales<1>>().await.unwrap();
    let counts: Vec<_> = listed.iter().map(|(key, sales)| (key.as_str(), sales.count)).collect();
    assert_eq!(counts, [("cup", 1), ("tea", 2)]);
    assert_eq!(copy.document::<Sales<1>>(&"tea".into()).await.unwrap(), Some(Sales { count: 2 }));
    assert_eq!(copy.document::<Sales<1>>(&"pot".into()).await.unwrap(), None);
    let error = copy.document::<Everything>(&()).await.unwrap_err();
    assert!(matches!(error, DocumentError::NotCopied { projection: "everything", copied: "sales" }));
    copy.discard().await.unwrap();
    assert_eq!(store.processors("copy.").await.unwrap(), []);
    assert_eq!(sales::<1>(&app).await, owned(&[("cup", 1), ("tea", 3)]));
}

async fn a_copy_that_fails_leaves_nothing<S: EventStore + Clone>(store: S) {
    write(&store, [sold("tea"), new(&Broken { panics: false })]).await;
    let app = app::<Sales<1>, S>(&store).await;
    let error = app.rebuild_until("sales", second(9)).await.unwrap_err();
    assert!(matches!(error, ProjectionError::Failed { name: "sales", .. }), "{error}");
    assert_eq!(store.processors("copy.").await.unwrap(), []);
}

async fn what_matches_does_not_differ<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    assert_eq!(app.matches_events("sales").await.unwrap(), Vec::<String>::new());
}

async fn planted_drift_is_found<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    spoil(&store, &app).await;
    assert_eq!(app.matches_events("sales").await.unwrap(), ["cup", "jug", "tea"]);
}

async fn a_version_is_compared_by_its_own_code<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    drain(&store, &app::<Sales<1>, S>(&store).await).await;
    let new = app::<Sales<2>, S>(&store).await;
    let follower = &*followers(&new)[0];
    let mut lease = take(&store, follower).await;
    let part = page(&store, follower, Position(0), 2).await;
    follower.follow(&new, &mut lease, part).await.unwrap();
    store.release(&lease).await.unwrap();
    assert_eq!(new.matches_events("sales").await.unwrap(), Vec::<String>::new());
    spoil(&store, &new).await;
    assert_eq!(new.matches_events("sales").await.unwrap(), ["cup"], "the others are ahead of position 2");
    drain(&store, &app::<Sales<3>, S>(&store).await).await;
    drain(&store, &app::<Sales<4>, S>(&store).await).await;
    let error = new.matches_events("sales").await.unwrap_err();
    assert!(error.to_string().contains("no build of version 2 is kept any more"), "{error}");
}

async fn what_was_written_ahead_is_no_drift<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    write(&store, [sold("tea")]).await;
    let lease = take(&store, &*followers(&app)[0]).await;
    for (position, drift) in [(7, vec![]), (8, vec!["tea"])] {
        let mut ahead = Advance::under(&lease);
        ahead.writes.push(DocumentWrite {
            collection: lease.processor.clone(),
            key: "tea".into(),
            revision: None,
            position: Position(position),
            body: Some("{\"count\":3}".into()),
        });
        store.advance(ahead).await.unwrap();
        assert_eq!(app.matches_events("sales").await.unwrap(), drift, "of an event at {position}");
    }
}

async fn what_the_projection_has_not_come_to_is_no_drift<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    write(&store, [sold("tea"), sold("jug")]).await;
    assert_eq!(app.matches_events("sales").await.unwrap(), Vec::<String>::new());
}

async fn what_was_written_ahead_of_a_head_that_is_out_of_date_is_no_drift<S: EventStore + Clone>(store: S) {
    let store = Busy::over(store);
    write(&store, [sold("tea")]).await;
    let app = app::<Sales<1>, _>(&store).await;
    drain(&store, &app).await;
    let lease = take(&store, &*followers(&app)[0]).await;
    let mut ahead = Advance::under(&lease);
    ahead.writes.push(DocumentWrite {
        collection: lease.processor.clone(),
        key: "cup".into(),
        revision: Some(0),
        position: Position(2),
        body: Some("{\"count\":1}".into()),
    });
    store.advance(ahead).await.unwrap();
    // Its event comes between a look at the head and a look at the documents.
    let event = Commit::one(StreamId::named("shop-2"), Expected::Any, vec![sold("cup")]);
    store.before_reads([event]);
    assert_eq!(app.matches_events("sales").await.unwrap(), Vec::<String>::new());
    assert!(store.is_calm());
}
