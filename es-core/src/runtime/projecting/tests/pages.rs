//! What events do to documents.

use super::fixture::*;
use super::on_every_store;
use crate::app::App;
use crate::id::Position;
use crate::runtime::Halt;
use crate::store::{EventStore, Redaction};
use std::collections::HashSet;

on_every_store! {
    counts_by_key
    pages_of_any_size_give_the_same
    a_page_that_comes_twice_counts_once
    documents_that_stay_in_memory_are_those_of_the_store
    documents_are_listed_in_parts
    a_document_over_the_limit_of_one_write_is_written
    a_method_that_fails_stops_the_projection_behind_what_is_done
    a_panic_stops_the_projection
    an_unreadable_event_stops_the_projection
    a_newer_event_gives_the_lease_back
    metadata_is_read_for_those_who_see_it
    redacted_events_are_for_methods_that_take_any
    who_is_fenced_writes_nothing
}

async fn counts_by_key<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    assert_eq!(sales::<1>(&app).await, owned(&SHOP));
    assert_eq!(app.document(&"tea".to_owned()).await.unwrap(), Some(Sales::<1> { count: 2 }));
    assert_eq!(app.document::<Sales<1>>(&"pot".to_owned()).await.unwrap(), None);
}

async fn pages_of_any_size_give_the_same<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    let mut leaves = HashSet::new();
    for limit in 1..=7 {
        app.rebuild("sales").await.unwrap();
        for follower in followers(&app) {
            match run(&store, &app, &*follower, limit).await {
                Ok(()) | Err(Halt::Done) => {}
                Err(halt) => panic!("{halt:?}"),
            }
        }
        leaves.insert(sales::<1>(&app).await);
    }
    assert_eq!(leaves, HashSet::from([owned(&SHOP)]));
}

async fn a_page_that_comes_twice_counts_once<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    let follower = &*followers(&app)[0];
    let lease = take(&store, follower).await;
    let page = page(&store, follower, Position(0), 100).await;
    for _ in 0..2 {
        // As if the first answer had been lost: the lease is as it was.
        follower.follow(&app, &mut lease.clone(), page.clone()).await.unwrap();
    }
    assert_eq!(sales::<1>(&app).await, owned(&SHOP));
}

async fn documents_that_stay_in_memory_are_those_of_the_store<S: EventStore + Clone>(store: S) {
    let app = app::<Sales<1>, S>(&store).await;
    let other = self::app::<Sales<1>, S>(&store).await;
    let (follower, others) = (&*followers(&app)[0], &*followers(&other)[0]);
    let full = follower.page() as usize;
    // Each page sells everything, and at its end one thing is gone that the next one sells again.
    for page in 0..4 {
        for from in (0..full - 1).step_by(999) {
            let items = from..(full - 1).min(from + 999);
            write(&store, items.map(|n| sold(["cup", "jug", "tea"][n % 3]))).await;
        }
        write(&store, [withdrawn(["cup", "jug", "tea", "cup"][page])]).await;
    }
    for by in [&[follower, follower][..], &[others], &[follower]] {
        let mut lease = take(&store, by[0]).await;
        for follower in by {
            let next = page(&store, *follower, lease.checkpoint.position, follower.page()).await;
            assert_eq!(next.events.len(), full);
            follower.follow(&app, &mut lease, next).await.unwrap();
        }
        store.release(&lease).await.unwrap();
        assert_eq!(app.matches_events("sales").await.unwrap(), Vec::<String>::new());
    }
    let counts = sales::<1>(&app).await;
    let third = u32::try_from((full - 1) / 3).unwrap();
    assert_eq!(counts, owned(&[("jug", third * 2), ("tea", third)]));
}

async fn documents_are_listed_in_parts<S: EventStore + Clone>(store: S) {
    write(&store, (0..700).map(|n| sold(&format!("{n:04}")))).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    assert_eq!(sales::<1>(&app).await.len(), 700);
    let part = app.documents::<Sales<1>>().after(&"0010".to_owned()).limit(2).await.unwrap();
    let keys: Vec<_> = part.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["0011", "0012"]);
}

async fn a_document_over_the_limit_of_one_write_is_written<S: EventStore + Clone>(store: S) {
    let long = |n: usize| format!("{n}{}", "x".repeat(900_000));
    for n in 0..7 {
        write(&store, [sold(&long(n))]).await;
    }
    write(&store, [withdrawn(&long(3))]).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    assert_eq!(sales::<1>(&app).await, [0, 1, 2, 4, 5, 6].map(|n| (long(n), 1)));
}

async fn stops<S: EventStore + Clone>(store: &S, app: &App) -> (Halt, Position) {
    let follower = &*followers(app)[0];
    let halt = run(store, app, follower, 100).await.expect_err("it stops");
    (halt, take(store, follower).await.checkpoint.position)
}

async fn a_method_that_fails_stops_the_projection_behind_what_is_done<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    write(&store, [sold("tea"), new(&Broken { panics: false }), sold("tea")]).await;
    let app = app::<Sales<1>, S>(&store).await;
    let (halt, position) = stops(&store, &app).await;
    let Halt::Stopped(reason) = halt else { panic!("{halt:?}") };
    assert_eq!(
        reason,
        "`broken` failed on event \"Broken\" at position 8 (stream shop-1, version 8): out of ink"
    );
    assert_eq!(position, Position(7));
    assert_eq!(sales::<1>(&app).await, owned(&[("cup", 1), ("tea", 3)]));
}

async fn a_panic_stops_the_projection<S: EventStore + Clone>(store: S) {
    write(&store, [new(&Broken { panics: true })]).await;
    let app = app::<Sales<1>, S>(&store).await;
    let (halt, position) = stops(&store, &app).await;
    assert!(matches!(halt, Halt::Stopped(reason) if reason.ends_with("it panicked: out of paper")));
    assert_eq!(position, Position(0));
}

async fn an_unreadable_event_stops_the_projection<S: EventStore + Clone>(store: S) {
    let mut event = sold("tea");
    event.payload = "{\"item\":3}".into();
    write(&store, [event]).await;
    let app = app::<Sales<1>, S>(&store).await;
    let (halt, _) = stops(&store, &app).await;
    let Halt::Stopped(reason) = halt else { panic!("{halt:?}") };
    assert!(reason.starts_with("stream shop-1, version 1: event \"Sold\" (version 1) cannot be read: item"));
}

async fn a_newer_event_gives_the_lease_back<S: EventStore + Clone>(store: S) {
    let mut newer = sold("tea");
    newer.schema = 2;
    write(&store, [sold("tea"), newer]).await;
    let app = app::<Sales<1>, S>(&store).await;
    let (halt, position) = stops(&store, &app).await;
    assert!(matches!(halt, Halt::Newer(error) if error.to_string().contains("this code knows it up to 1")));
    assert_eq!(position, Position(1));
}

async fn metadata_is_read_for_those_who_see_it<S: EventStore + Clone>(store: S) {
    let mut event = sold("tea");
    event.metadata = "nonsense".into();
    write(&store, [event]).await;
    let blind = app::<Sales<1>, S>(&store).await;
    drain(&store, &blind).await;
    assert_eq!(sales::<1>(&blind).await, owned(&[("tea", 1)]));
    let (halt, _) = stops(&store, &app::<Everything, S>(&store).await).await;
    assert!(matches!(halt, Halt::Stopped(reason) if reason.contains("its metadata")));
}

async fn redacted_events_are_for_methods_that_take_any<S: EventStore + Clone>(store: S) {
    let gone = sold("tea");
    let redaction = Redaction::of(gone.id, "{}".into());
    write(&store, [gone, sold("cup")]).await;
    assert!(store.redact_event(redaction).await.unwrap());
    let app = App::builder(store.clone()).projection::<Sales<1>>().projection::<Everything>();
    let app = app.build().await.unwrap();
    drain(&store, &app).await;
    assert_eq!(sales::<1>(&app).await, owned(&[("cup", 1)]));
    assert_eq!(app.document(&()).await.unwrap(), Some(Everything { events: 2, without_payload: 1 }));
}

async fn who_is_fenced_writes_nothing<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    let follower = &*followers(&app)[0];
    let mut lost = take(&store, follower).await;
    store.release(&lost).await.unwrap();
    let _held = take(&store, follower).await;
    let page = page(&store, follower, Position(0), 100).await;
    assert!(matches!(follower.follow(&app, &mut lost, page).await, Err(Halt::Fenced)));
    assert_eq!(sales::<1>(&app).await, []);
}
