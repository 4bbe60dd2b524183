//! Inline projections: commits take them along while followers do.

use super::busy::Busy;
use super::fixture::*;
use super::on_every_store;
use crate::app::App;
use crate::id::{Position, StreamId};
use crate::incoming::message;
use crate::projection::{Document, DocumentKind, DocumentMethod, MountOn, Projection};
use crate::runtime::Halt;
use crate::store::{Commit, EventStore, Expected, Inline, NewEvent};
use serde::{Deserialize, Serialize};

on_every_store! {
    what_a_commit_has_taken_is_not_taken_again
    a_document_that_came_and_went_is_not_written_again
    a_follower_goes_on_behind_what_commits_have_taken
    a_failure_on_documents_of_different_times_is_none
    what_is_too_large_for_one_write_is_not_written_from_a_place_that_was_left
    a_rebuild_is_read_from_the_commit_that_takes_it_to_the_end
    a_rebuild_of_a_long_log_comes_to_the_end_under_load
    a_switch_does_not_go_back_behind_a_commit_of_the_version_before
    a_failure_on_what_lies_between_stops_the_follower_alone
    a_copy_is_built_of_an_inline_projection
}

/// How often each item was sold; inline. Version `V` counts each sale as `V`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Stock<const V: u32> {
    count: u32,
}

impl<const V: u32> Projection for Stock<V> {
    const NAME: &'static str = "stock";
    const VERSION: u32 = V;
    type Key = String;
    const INLINE: bool = true;
    const FINGERPRINT: u64 = 5;
}

impl<const V: u32> Document for Stock<V> {
    const METHODS: &'static [DocumentMethod<Self>] = &[
        DocumentMethod::event::<Sold>(
            "sold",
            |given, _| Ok(vec![message::<Sold>(given).item.clone()]),
            |change| {
                change.document.get_or_insert_default().count += V;
                Ok(())
            },
        ),
        DocumentMethod::event::<Withdrawn>(
            "withdrawn",
            |given, _| Ok(vec![message::<Withdrawn>(given).item.clone()]),
            |change| match change.document.take() {
                Some(_) => Ok(()),
                None => Err("it was never sold".into()),
            },
        ),
    ];
}

impl<S: EventStore, const V: u32> MountOn<S> for Stock<V> {
    type Kind = DocumentKind;
}

/// A commit as this app would make it.
fn commit(app: &App, events: impl IntoIterator<Item = NewEvent>) -> Commit {
    let projections = app.projections().iter().filter_map(|projection| projection.inline()).collect();
    let inline = Some(Box::new(Inline { projections, ..Inline::default() }));
    Commit { inline, ..Commit::one(StreamId::named("shop-2"), Expected::Any, events.into_iter().collect()) }
}

async fn stock<const V: u32>(app: &App) -> Vec<(String, u32)> {
    let listed = app.documents::<Stock<V>>().await.expect("they are read");
    listed.into_iter().map(|(key, stock)| (key, stock.count)).collect()
}

/// The build that is read, as in `1.1`.
async fn live(app: &App) -> String {
    app.projections()[0].control().known().await.unwrap().ledger.live.to_string()
}

async fn what_a_commit_has_taken_is_not_taken_again<S: EventStore + Clone>(store: S) {
    let app = app::<Stock<1>, S>(&store).await;
    write(&store, [sold("tea")]).await;
    let follower = &*followers(&app)[0];
    let mut lease = take(&store, follower).await;
    let late = page(&store, follower, Position(0), 100).await;
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    assert_eq!(stock::<1>(&app).await, owned(&[("tea", 2)]));
    follower.follow(&app, &mut lease, late).await.unwrap();
    assert_eq!((stock::<1>(&app).await, lease.checkpoint.position), (owned(&[("tea", 2)]), Position(2)));
}

async fn a_document_that_came_and_went_is_not_written_again<S: EventStore + Clone>(store: S) {
    let store = Busy::over(store);
    let app = app::<Stock<1>, _>(&store).await;
    write(&store, [sold("tea")]).await;
    // For the follower as for the document that it writes, there is none before and none behind it.
    store.before_advances([commit(&app, [withdrawn("tea")])]);
    drain(&store, &app).await;
    assert_eq!(stock::<1>(&app).await, []);
    assert!(store.is_calm());
}

async fn a_follower_goes_on_behind_what_commits_have_taken<S: EventStore + Clone>(store: S) {
    let app = app::<Stock<1>, S>(&store).await;
    let follower = &*followers(&app)[0];
    let mut lease = take(&store, follower).await;
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    write(&store, [sold("cup"), sold("tea")]).await;
    let page = page(&store, follower, Position(0), 100).await;
    follower.follow(&app, &mut lease, page).await.unwrap();
    assert_eq!(stock::<1>(&app).await, owned(&[("cup", 1), ("tea", 2)]));
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    let reached = lease.checkpoint;
    follower.idle(&app, &mut lease, reached).await.unwrap();
    assert_eq!(
        (stock::<1>(&app).await, lease.checkpoint.position),
        (owned(&[("cup", 1), ("tea", 3)]), Position(4))
    );
}

async fn a_failure_on_documents_of_different_times_is_none<S: EventStore + Clone>(store: S) {
    let store = Busy::over(store);
    let app = app::<Stock<1>, _>(&store).await;
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    write(&store, [withdrawn("tea")]).await;
    store.before_reads([commit(&app, [sold("cup")])]);
    drain(&store, &app).await;
    assert_eq!(stock::<1>(&app).await, owned(&[("cup", 1)]));
    assert!(store.is_calm());
}

async fn what_is_too_large_for_one_write_is_not_written_from_a_place_that_was_left<S: EventStore + Clone>(
    store: S,
) {
    let store = Busy::over(store);
    let app = app::<Stock<1>, _>(&store).await;
    let long = |n: usize| format!("{n}{}", "x".repeat(900_000));
    for n in 0..7 {
        write(&store, [sold(&long(n))]).await;
    }
    store.before_advances([commit(&app, [withdrawn(&long(0))])]);
    drain(&store, &app).await;
    assert_eq!(stock::<1>(&app).await, [1, 2, 3, 4, 5, 6].map(|n| (long(n), 1)));
    assert!(store.is_calm());
}

async fn a_rebuild_is_read_from_the_commit_that_takes_it_to_the_end<S: EventStore + Clone>(store: S) {
    let app = app::<Stock<1>, S>(&store).await;
    store.append(commit(&app, [sold("tea"), sold("cup")])).await.unwrap();
    super::copies::spoil(&store, &app).await;
    app.rebuild("stock").await.unwrap();
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    assert_eq!((live(&app).await, stock::<1>(&app).await), ("1.2".into(), owned(&[("cup", 1), ("tea", 2)])));
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    assert_eq!(stock::<1>(&app).await, owned(&[("cup", 1), ("tea", 3)]));
    drain(&store, &app).await;
    let left = store.processors("projection.").await.unwrap();
    assert_eq!(left.iter().map(|left| &*left.name).collect::<Vec<_>>(), ["projection.stock@1.2"]);
}

async fn a_rebuild_of_a_long_log_comes_to_the_end_under_load<S: EventStore + Clone>(store: S) {
    let store = Busy::over(store);
    let app = app::<Stock<1>, _>(&store).await;
    for _ in 0..3 {
        store.append(commit(&app, (0..900).map(|_| sold("tea")))).await.unwrap();
    }
    app.rebuild("stock").await.unwrap();
    let target = followers(&app).pop().unwrap();
    let mut lease = take(&store, &*target).await;
    let mut rounds = 0;
    while live(&app).await == "1.1" {
        rounds += 1;
        store.before_advances([commit(&app, [sold("tea")])]);
        let page = page(&store, &*target, lease.checkpoint.position, 500).await;
        target.follow(&app, &mut lease, page).await.unwrap();
        assert!(store.is_calm());
        assert_eq!(stock::<1>(&app).await, owned(&[("tea", 2_700 + rounds)]));
    }
    // Four pages, behind which a thousand events are left.
    assert_eq!((rounds, live(&app).await), (5, "1.2".into()));
    assert_eq!(app.matches_events("stock").await.unwrap(), Vec::<String>::new());
}

async fn a_switch_does_not_go_back_behind_a_commit_of_the_version_before<S: EventStore + Clone>(store: S) {
    let store = Busy::over(store);
    let old = app::<Stock<1>, _>(&store).await;
    store.append(commit(&old, [sold("tea")])).await.unwrap();
    let new = app::<Stock<2>, _>(&store).await;
    let follower = &*followers(&new)[0];
    let mut lease = take(&store, follower).await;
    let first = page(&store, follower, Position(0), 100).await;
    store.before_advances([commit(&old, [sold("cup")])]);
    follower.follow(&new, &mut lease, first).await.unwrap();
    assert!(store.is_calm());
    assert_eq!(stock::<2>(&new).await, owned(&[("cup", 1), ("tea", 1)]), "the old one, with its commit");
    store.release(&lease).await.unwrap();
    drain(&store, &new).await;
    assert_eq!(stock::<2>(&new).await, owned(&[("cup", 2), ("tea", 2)]));
}

async fn a_failure_on_what_lies_between_stops_the_follower_alone<S: EventStore + Clone>(store: S) {
    let app = app::<Stock<1>, S>(&store).await;
    write(&store, [withdrawn("pot")]).await;
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    let halt = run(&store, &app, &*followers(&app)[0], 100).await.unwrap_err();
    let Halt::Stopped(reason) = halt else { panic!("{halt:?}") };
    assert!(reason.ends_with("position 1 (stream shop-1, version 1): it was never sold"), "{reason}");
    store.append(commit(&app, [sold("tea")])).await.unwrap();
    assert_eq!(stock::<1>(&app).await, []);
}

async fn a_copy_is_built_of_an_inline_projection<S: EventStore + Clone>(store: S) {
    let app = app::<Stock<1>, S>(&store).await;
    store.append(commit(&app, (0..700).map(|_| sold("tea")))).await.unwrap();
    let copy = app.rebuild_until("stock", second(9)).await.unwrap();
    assert_eq!(copy.document::<Stock<1>>(&"tea".into()).await.unwrap(), Some(Stock { count: 700 }));
    copy.discard().await.unwrap();
}
