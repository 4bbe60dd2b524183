//! A projection that is written by hand, and a driver that takes it along the log page by page.

use crate::app::App;
use crate::event::{Event, IdError, RawEvent};
use crate::id::{Position, StreamId};
use crate::incoming::message;
use crate::projection::{Change, Document, DocumentKind, DocumentMethod, MountOn, Projection};
use crate::runtime::{Follower, Halt};
use crate::store::{BoxError, Commit, EventStore, Expected, LEASE, Lease, LogPage, NewEvent};
use es_macros::event;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::Arc;
use uuid::Uuid;

#[event]
pub struct Sold {
    pub item: String,
}
#[event]
pub struct SoldTogether {
    pub items: Vec<String>,
}
#[event]
pub struct Withdrawn {
    pub item: String,
}
#[event]
pub struct Broken {
    pub panics: bool,
}

/// How often each item was sold. Version `V` counts each sale as `V`, so that one sees which is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sales<const V: u32> {
    pub count: u32,
}

impl<const V: u32> Projection for Sales<V> {
    const NAME: &'static str = "sales";
    const VERSION: u32 = V;
    type Key = String;
    const INLINE: bool = false;
    const FINGERPRINT: u64 = 7;
}

type Given<'a> = &'a (dyn Any + Send + Sync);
type Keys = Result<Vec<String>, IdError>;
type Done = Result<(), BoxError>;

impl<const V: u32> Sales<V> {
    const fn method<E: Event>(
        name: &'static str,
        keys: fn(Given<'_>, &RawEvent) -> Keys,
        apply: fn(Change<'_, Self>) -> Done,
    ) -> DocumentMethod<Self> {
        DocumentMethod::event::<E>(name, keys, apply)
    }
}

impl<const V: u32> Document for Sales<V> {
    const METHODS: &'static [DocumentMethod<Self>] = &[
        Self::method::<Sold>("sold", |given, _| Ok(vec![message::<Sold>(given).item.clone()]), count),
        Self::method::<SoldTogether>(
            "sold_together",
            |given, _| Ok(message::<SoldTogether>(given).items.clone()),
            count,
        ),
        Self::method::<Withdrawn>(
            "withdrawn",
            |given, _| Ok(vec![message::<Withdrawn>(given).item.clone()]),
            |change| {
                change.document.take();
                Ok(())
            },
        ),
        Self::method::<Broken>(
            "broken",
            |_, _| Ok(vec!["broken".into()]),
            |change| {
                assert!(!message::<Broken>(change.message).panics, "out of paper");
                Err("out of ink".into())
            },
        ),
    ];
}

#[allow(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the shape of a method's record")]
fn count<const V: u32>(change: Change<'_, Sales<V>>) -> Done {
    change.document.get_or_insert_default().count += V;
    Ok(())
}

impl<S: EventStore, const V: u32> MountOn<S> for Sales<V> {
    type Kind = DocumentKind;
}

/// The same name and version, of another shape.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reshaped {
    pub total: u32,
}

impl Projection for Reshaped {
    const NAME: &'static str = "sales";
    const VERSION: u32 = 1;
    type Key = String;
    const INLINE: bool = false;
    const FINGERPRINT: u64 = 8;
}

impl Document for Reshaped {
    const METHODS: &'static [DocumentMethod<Self>] = &[];
}

impl<S: EventStore> MountOn<S> for Reshaped {
    type Kind = DocumentKind;
}

/// How many events there are of any kind, the redacted ones among them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Everything {
    pub events: u32,
    pub without_payload: u32,
}

impl Projection for Everything {
    const NAME: &'static str = "everything";
    const VERSION: u32 = 1;
    type Key = ();
    const INLINE: bool = false;
    const FINGERPRINT: u64 = 1;
}

impl Document for Everything {
    const METHODS: &'static [DocumentMethod<Self>] = &[DocumentMethod::any(
        "any",
        |_, _| Ok(vec![()]),
        |change| {
            let document = change.document.get_or_insert_default();
            document.events += 1;
            document.without_payload += u32::from(change.event.payload.is_none());
            Ok(())
        },
    )];
}

impl<S: EventStore> MountOn<S> for Everything {
    type Kind = DocumentKind;
}

pub fn sold(item: &str) -> NewEvent {
    new(&Sold { item: item.into() })
}

pub fn withdrawn(item: &str) -> NewEvent {
    new(&Withdrawn { item: item.into() })
}

pub fn new<E: Event>(event: &E) -> NewEvent {
    NewEvent {
        id: Uuid::new_v4(),
        name: E::NAME.into(),
        schema: E::VERSION,
        recorded_at: second(0),
        payload: serde_json::to_vec(event).expect("it is JSON").into(),
        metadata: "{}".into(),
    }
}

pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a small number")
}

pub async fn write<S: EventStore>(store: &S, events: impl IntoIterator<Item = NewEvent>) {
    let commit = Commit::one(StreamId::named("shop-1"), Expected::Any, events.into_iter().collect());
    store.append(commit).await.expect("it is appended");
}

/// A store with sales of two items, one of them withdrawn and sold again.
pub async fn shop<S: EventStore>(store: &S) {
    let together = SoldTogether { items: vec!["tea".into(), "cup".into(), "pot".into()] };
    let events = [sold("tea"), sold("cup"), new(&together), withdrawn("cup"), sold("cup"), withdrawn("pot")];
    write(store, events).await;
}

/// What [`shop`] comes to.
pub const SHOP: [(&str, u32); 2] = [("cup", 1), ("tea", 2)];

pub async fn app<P: MountOn<S>, S: EventStore + Clone>(store: &S) -> App {
    App::builder(store.clone()).projection::<P>().build().await.expect("the app is built")
}

/// All documents, with their counts.
pub async fn sales<const V: u32>(app: &App) -> Vec<(String, u32)> {
    let listed = app.documents::<Sales<V>>().await.expect("they are read");
    listed.into_iter().map(|(key, sales)| (key, sales.count)).collect()
}

pub fn owned(counts: &[(&str, u32)]) -> Vec<(String, u32)> {
    counts.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect()
}

pub fn followers(app: &App) -> Vec<Arc<dyn Follower>> {
    app.projections().iter().flat_map(|projection| projection.followers()).collect()
}

pub async fn take<S: EventStore>(store: &S, follower: &dyn Follower) -> Lease {
    let lease = store.acquire(follower.processor(), Uuid::new_v4(), LEASE).await.expect("it is asked");
    lease.expect("nobody else holds it")
}

pub async fn page<S: EventStore>(store: &S, follower: &dyn Follower, after: Position, limit: u32) -> LogPage {
    store.read_log(after, follower.filter(), limit).await.expect("it is read")
}

/// Takes one follower to the head, in pages of `limit` events, and lets it do what is due there.
pub async fn run<S: EventStore>(
    store: &S,
    app: &App,
    follower: &dyn Follower,
    limit: u32,
) -> Result<(), Halt> {
    let mut lease = take(store, follower).await;
    let done = async {
        loop {
            let page = page(store, follower, lease.checkpoint.position, limit).await;
            if page.scanned_to == lease.checkpoint.position {
                let reached = lease.checkpoint;
                return follower.idle(app, &mut lease, reached).await.map(|_| ());
            }
            follower.follow(app, &mut lease, page).await?;
        }
    };
    let done = done.await;
    store.release(&lease).await.expect("it is given back");
    done
}

/// Takes everything to the head; builds that are done go.
pub async fn drain<S: EventStore>(store: &S, app: &App) {
    for follower in followers(app) {
        match run(store, app, &*follower, 500).await {
            Ok(()) | Err(Halt::Done) => {}
            Err(halt) => panic!("{}: {halt:?}", follower.processor()),
        }
    }
}
