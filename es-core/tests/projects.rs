//! Projections, down to the tables that the runtime reads: what each method takes, for which keys, and what it does.
#![allow(missing_docs)]
use es_core::__private as p;
use es_core::prelude::*;
use es_core::store::{MemoryStore, SqliteStore};
use es_core::{Document, Projection};
use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[aggregate_id]
pub struct OrderId(String);

#[event]
pub struct OrderPlaced {
    pub total: u64,
}
#[event(name = "order.cancelled", version = 2, from = OrderCancelledV1)]
pub struct OrderCancelled {
    pub day: Date,
    pub reason: String,
}
#[event(name = "order.cancelled", version = 1)]
pub struct OrderCancelledV1 {
    pub day: Date,
}
impl From<OrderCancelledV1> for OrderCancelled {
    fn from(old: OrderCancelledV1) -> Self {
        Self { day: old.day, reason: "unknown".into() }
    }
}
#[event]
pub struct RoomBooked {
    pub nights: Vec<Date>,
    pub guest: String,
}
#[event]
pub struct DayForgotten {
    pub day: Date,
}

#[derive(Debug, thiserror::Error)]
#[error("{0} is too much")]
pub struct TooMuch(u64);

#[projection(key = Date, version = 3)]
pub struct Days {
    placed: u32,
    cancelled: Vec<String>,
    rooms: u32,
}

#[projection]
impl Days {
    #[key(env.recorded_at.date())]
    fn placed(&mut self, e: &OrderPlaced, env: &Envelope) -> Result<(), TooMuch> {
        if e.total > 100 {
            return Err(TooMuch(e.total));
        }
        self.placed += u32::try_from(env.version).unwrap_or(0);
        Ok(())
    }
    #[key(e.day)]
    fn cancelled(&mut self, e: &OrderCancelled, order: &OrderId, day: &Date, env: &Envelope) {
        self.cancelled.push(format!("{order} on {day} at {}: {}", env.version, e.reason));
    }
    #[key(Self::nights(e))]
    fn booked(&mut self, e: &RoomBooked) {
        self.rooms += 1;
    }
    #[key(&e.day)]
    fn forgotten(self, e: &DayForgotten) -> Result<(), TooMuch> {
        if self.placed > 9 { Err(TooMuch(u64::from(self.placed))) } else { Ok(()) }
    }
}

impl Days {
    fn nights(booked: &RoomBooked) -> Vec<Date> {
        booked.nights.clone()
    }
}

#[projection(key = String, name = "log", inline)]
pub struct Log(Vec<String>);

#[projection]
impl Log {
    fn anything(&mut self, e: &RawEvent, stream: &String) {
        self.0.push(format!("{} of {stream}", e.name));
    }
    #[key((!e.guest.is_empty()).then(|| format!("{order}/{}", e.guest)))]
    fn booked(&mut self, e: &RoomBooked, key: &String, order: &OrderId) {
        self.0.push(format!("{} by {key} in {order}", e.nights.len()));
    }
    #[key(env.stream_id::<u64>()?.to_string())]
    fn numbered(&mut self, _: &OrderPlaced, env: &Envelope) {
        self.0.push(env.stream.to_string());
    }
    #[cfg(any())]
    fn gone(&mut self, _: &Gone) {}
}

#[projection(key = ())]
pub struct Total(u64);

#[projection]
impl Total {
    fn placed(&mut self, e: &OrderPlaced) {
        self.0 += e.total;
    }
}

/// A transaction that writes down what it is asked.
#[derive(Default)]
pub struct NotesTx(RefCell<Vec<String>>);

impl NotesTx {
    fn note(&self, what: &str) {
        self.0.borrow_mut().push(what.to_owned());
    }
}

#[projection(version = 2)]
pub struct Balances;

#[projection]
impl Balances {
    fn setup(tx: &NotesTx) -> Result<(), TooMuch> {
        tx.note("table");
        Ok(())
    }
    fn placed(&self, e: &OrderPlaced, order: &OrderId, tx: &NotesTx) -> Result<(), TooMuch> {
        if e.total > 100 {
            return Err(TooMuch(e.total));
        }
        tx.note(&format!("{order}: {}", e.total));
        Ok(())
    }
    fn anything(&self, e: &RawEvent, tx: &NotesTx, env: &Envelope) {
        tx.note(&format!("{} {}", e.name, env.version));
    }
    fn nothing(&self, _: &DayForgotten) {}
}

#[projection]
pub struct Receipts;

#[projection]
impl Receipts {
    async fn setup(tx: &mut NotesTx) -> Result<(), TooMuch> {
        tokio::task::yield_now().await;
        tx.note("table");
        Ok(())
    }
    async fn placed(&self, e: &OrderPlaced, order: &OrderId, tx: &mut NotesTx) -> Result<(), TooMuch> {
        tokio::task::yield_now().await;
        if e.total > 100 {
            return Err(TooMuch(e.total));
        }
        tx.note(&format!("{order}: {}", e.total));
        Ok(())
    }
    async fn anything(&self, e: &RawEvent, env: &Envelope, tx: &mut NotesTx) {
        tokio::task::yield_now().await;
        tx.note(&format!("{} {}", e.name, env.version));
    }
    fn nothing(&self, _: &OrderPlaced) {}
}

fn event(name: &'static str, schema: u16, stream: &str, payload: &'static str) -> RawEvent {
    RawEvent {
        name: name.into(),
        schema,
        position: Position(7),
        payload: Some(payload.as_bytes().into()),
        envelope: Envelope {
            id: Uuid::nil(),
            stream: StreamId::named(stream),
            version: 4,
            recorded_at: Timestamp::UNIX_EPOCH,
            metadata: Arc::default(),
        },
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn method<P: Document>(name: &str) -> &'static p::DocumentMethod<P> {
    P::METHODS.iter().find(|method| method.name == name).unwrap()
}

type Followed<P> = Vec<(<P as Projection>::Key, Option<P>)>;

/// The keys of an event, and the document of each after the method.
#[allow(clippy::needless_pass_by_value, reason = "a `None` at the place of use says more than a `&None`")]
fn follow<P: Document>(
    name: &str,
    event: &RawEvent,
    document: Option<P>,
) -> Result<Followed<P>, Box<dyn Error + Send + Sync>> {
    let method = method::<P>(name);
    let message = (method.read)(event).map_err(|error| format!("{error:?}"))?;
    let mut found = Vec::new();
    for key in (method.keys)(&*message, event)? {
        let mut document = document.clone();
        (method.apply)(p::Change { document: &mut document, message: &*message, event, key: &key })?;
        found.push((key, document));
    }
    Ok(found)
}

#[test]
fn a_key_is_what_its_expression_says() -> Outcome {
    let placed = event("OrderPlaced", 1, "order-o1", r#"{"total":5}"#);
    let followed = follow::<Days>("placed", &placed, None)?;
    assert_eq!(followed, [(day("1970-01-01"), Some(Days { placed: 4, ..Days::default() }))]);
    Ok(())
}

#[test]
fn a_method_is_given_the_key_the_id_of_the_stream_and_the_envelope_by_their_types() -> Outcome {
    let old = event("order.cancelled", 1, "order-o1", r#"{"day":"2026-10-31"}"#);
    let said = |cancelled: &[&str]| Days {
        cancelled: cancelled.iter().map(ToString::to_string).collect(),
        ..Days::default()
    };
    let followed = follow("cancelled", &old, Some(said(&["before"])))?;
    let after = said(&["before", "o1 on 2026-10-31 at 4: unknown"]);
    assert_eq!(followed, [(day("2026-10-31"), Some(after))]);
    Ok(())
}

#[test]
fn an_event_may_be_for_several_keys() -> Outcome {
    let booked =
        event("RoomBooked", 1, "order-o1", r#"{"nights":["2026-12-24","2026-12-25"],"guest":"Ann"}"#);
    let one = || Some(Days { rooms: 1, ..Days::default() });
    assert_eq!(follow("booked", &booked, None)?, [(day("2026-12-24"), one()), (day("2026-12-25"), one())]);
    Ok(())
}

#[test]
fn an_event_may_be_for_no_key() -> Outcome {
    let booked = event("RoomBooked", 1, "order-o1", r#"{"nights":[],"guest":""}"#);
    assert_eq!(follow::<Log>("booked", &booked, None)?, []);
    let booked = event("RoomBooked", 1, "order-o1", r#"{"nights":[],"guest":"Ann"}"#);
    let log = Log(vec!["0 by o1/Ann in o1".into()]);
    assert_eq!(follow("booked", &booked, None)?, [("o1/Ann".to_owned(), Some(log))]);
    Ok(())
}

#[test]
fn without_an_expression_the_key_is_the_id_of_the_stream() -> Outcome {
    let any = event("anything.at.all", 9, "thing-t1", "no json");
    let log = Log(vec!["anything.at.all of t1".into()]);
    assert_eq!(follow("anything", &any, None)?, [("t1".to_owned(), Some(log))]);
    let placed = event("OrderPlaced", 1, "order-o1", r#"{"total":5}"#);
    assert_eq!(follow("placed", &placed, Some(Total(1)))?, [((), Some(Total(6)))]);
    Ok(())
}

#[test]
fn a_stream_without_the_id_is_an_error() -> Outcome {
    let placed = |stream| event("OrderPlaced", 1, stream, r#"{"total":5}"#);
    let numbered = follow::<Log>("numbered", &placed("order-8"), None)?;
    assert_eq!(numbered, [("8".to_owned(), Some(Log(vec!["order-8".into()])))]);
    let error = follow::<Log>("numbered", &placed("order-x"), None).unwrap_err();
    assert_eq!(error.to_string(), "stream order-x does not hold an id of type u64");
    Ok(())
}

#[test]
fn a_method_that_takes_self_deletes_the_document() -> Outcome {
    let forgotten = event("DayForgotten", 1, "order-o1", r#"{"day":"2026-12-24"}"#);
    let key = day("2026-12-24");
    assert_eq!(follow("forgotten", &forgotten, Some(Days::default()))?, [(key, None)]);
    assert_eq!(follow::<Days>("forgotten", &forgotten, None)?, [(key, None)]);
    let refused = follow("forgotten", &forgotten, Some(Days { placed: 10, ..Days::default() }));
    assert_eq!(refused.unwrap_err().to_string(), "10 is too much");
    Ok(())
}

#[test]
fn a_method_may_fail() {
    let placed = event("OrderPlaced", 1, "order-o1", r#"{"total":500}"#);
    assert_eq!(follow::<Days>("placed", &placed, None).unwrap_err().to_string(), "500 is too much");
}

#[test]
fn methods_are_listed_in_written_order_with_what_they_take() {
    let taken = |takes: &p::Takes| match takes {
        p::Takes::Event { info, oldest } => format!("{} {oldest}..{}", info.name, info.version),
        other => format!("{other:?}"),
    };
    let days: Vec<_> = Days::METHODS.iter().map(|method| taken(&method.takes)).collect();
    assert_eq!(days, ["OrderPlaced 1..1", "order.cancelled 1..2", "RoomBooked 1..1", "DayForgotten 1..1"]);
    let log: Vec<_> = Log::METHODS.iter().map(|method| (method.name, taken(&method.takes))).collect();
    assert_eq!(log[0], ("anything", "Any".to_owned()));
    assert_eq!(log.len(), 3, "what is not compiled is not listed");
}

/// What a method does with an order, and whether it was asked to wait for it.
async fn change<P: p::Rows<Tx = NotesTx>>(
    method: &p::RowMethod<P>,
    total: u64,
    tx: &mut NotesTx,
) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let payload = if total > 100 { r#"{"total":101}"# } else { r#"{"total":5}"# };
    let event = &event("OrderPlaced", 1, "order-o1", payload);
    let message = &*(method.read)(event).map_err(|error| format!("{error:?}"))?;
    let change = p::RowChange { projection: &P::default(), message, event, tx };
    match method.apply {
        p::RowApply::Now(apply) => apply(change).map(|()| false),
        p::RowApply::Later(apply) => apply(change).await.map(|()| true),
    }
}

#[tokio::test]
async fn rows_are_changed_through_the_transaction() -> Outcome {
    use p::Rows;
    let mut tx = NotesTx::default();
    <Balances as Rows>::setup(&mut tx).await?;
    for method in Balances::METHODS.iter().take(2) {
        assert!(!change(method, 5, &mut tx).await?);
    }
    assert_eq!(tx.0.take(), ["table", "o1: 5", "OrderPlaced 4"]);
    let refused = change(&Balances::METHODS[0], 101, &mut tx).await;
    assert_eq!(refused.unwrap_err().to_string(), "101 is too much");
    assert_eq!(Balances::METHODS.len(), 3);
    Ok(())
}

#[tokio::test]
async fn an_async_method_waits_for_the_transaction() -> Outcome {
    use p::Rows;
    let mut tx = NotesTx::default();
    <Receipts as Rows>::setup(&mut tx).await?;
    assert!(change(&Receipts::METHODS[0], 5, &mut tx).await?);
    assert!(change(&Receipts::METHODS[1], 5, &mut tx).await?);
    assert!(!change(&Receipts::METHODS[2], 5, &mut tx).await?);
    assert_eq!(tx.0.take(), ["table", "o1: 5", "OrderPlaced 4"]);
    let refused = change(&Receipts::METHODS[0], 101, &mut tx).await;
    assert_eq!(refused.unwrap_err().to_string(), "101 is too much");
    Ok(())
}

#[test]
fn a_projection_knows_what_was_said_of_it() {
    assert_eq!((Days::NAME, Days::VERSION, Days::INLINE), ("days", 3, false));
    assert_eq!((Log::NAME, Log::VERSION, Log::INLINE), ("log", 1, true));
    assert_eq!((Balances::NAME, Balances::VERSION), ("balances", 2));
    assert_ne!(Log::FINGERPRINT, Total::FINGERPRINT);
}

fn mounted<S: EventStore, P: p::MountOn<S>>() -> &'static str {
    P::NAME
}

#[test]
fn documents_are_kept_by_every_store() {
    assert_eq!(mounted::<MemoryStore, Days>(), "days");
    assert_eq!(mounted::<SqliteStore, Days>(), "days");
}

#[test]
fn projections_are_part_of_the_model() {
    let model = es_core::model();
    let log = model.projections().find(|projection| projection.name == "log").unwrap();
    assert_eq!((log.keeps, log.inline, log.every_event), ("documents", true, true));
    assert_eq!(log.path, "projects::Log");
    let balances = model.projections().find(|projection| projection.name == "balances").unwrap();
    assert_eq!((balances.keeps, balances.version), ("rows", 2));
    assert_eq!(balances.events, ["OrderPlaced", "DayForgotten"]);
    let days = model.projections().find(|projection| projection.name == "days").unwrap();
    assert!(days.follows("order.cancelled") && !days.follows("order.opened"));
    let names: Vec<_> = model.projections().map(|projection| projection.name).collect();
    assert_eq!(names, ["balances", "days", "log", "receipts", "total"]);
}

#[test]
fn metadata_is_for_methods_that_take_the_envelope() {
    let seeing: Vec<_> = Days::METHODS.iter().filter(|method| method.sees_metadata).collect();
    assert_eq!(seeing.iter().map(|method| method.name).collect::<Vec<_>>(), ["placed", "cancelled"]);
    assert!(method::<Log>("anything").sees_metadata);
    assert!(!Total::METHODS[0].sees_metadata);
}
