//! Connections that nobody answers on and nobody closes: nothing is waited for for ever, and no place in the pool is
//! lost.

use crate::kit::{commit, event, fresh, in_schema, one, run, superuser, until};
use crate::proxy::Proxy;
use es_core::store::{
    Advance, AdvanceError, AppendError, Checkpoint, DocumentRange, DocumentWrite, EventSearch, EventStore,
    Expected, Filter, LEASE, Lease, MAX_PAGE_BYTES, NewEvent, PgStore, PgTx, ReadError, Redaction, RowStore,
    RowWork, StoredSnapshot, StreamRead,
};
use es_core::{Position, StreamId};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

/// Longer than anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A store on the way of a proxy, and a lease in it.
async fn behind(proxy: &Proxy, connections: u32) -> (PgStore, Lease) {
    let (_, schema) = fresh().await;
    let options = in_schema(&schema).connections(connections);
    let store = PgStore::connect_with(&proxy.url(), options).await.unwrap();
    store.append(one("a-1")).await.unwrap();
    store.register("p", Checkpoint::default()).await.unwrap();
    let lease = store.acquire("p", Uuid::now_v7(), PATIENCE).await.unwrap().expect("nobody holds it");
    (store, lease)
}

fn snapshot() -> StoredSnapshot {
    StoredSnapshot {
        stream: StreamId::named("a-1"),
        fingerprint: 1,
        version: 1,
        position: Position(1),
        recorded_at: Timestamp::from_second(1_000).unwrap(),
        edits: 0,
        payload: "state".into(),
    }
}

fn writing(lease: &Lease) -> Advance {
    let (collection, key) = ("c".into(), "k".into());
    let write =
        DocumentWrite { collection, key, revision: None, position: Position(1), body: Some("x".into()) };
    Advance { writes: vec![write], ..Advance::under(lease) }
}

#[track_caller]
fn unread<T: std::fmt::Debug>(answer: &Result<T, ReadError>) {
    assert!(matches!(answer, Err(ReadError::Unavailable(_))), "{answer:?}");
}

#[track_caller]
fn not_stored<T: std::fmt::Debug>(answer: &Result<T, AppendError>) {
    assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
}

#[track_caller]
fn not_advanced(answer: &Result<(), AdvanceError>) {
    assert!(matches!(answer, Err(AdvanceError::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn whoever_asks_on_a_silent_way_is_told_and_the_next_one_is_answered() {
    let proxy = Proxy::start().await;
    let (store, lease) = behind(&proxy, 3).await;
    let (stream, all, keys) = (StreamId::named("a-1"), Filter::all(), ["k".to_owned()]);
    // So many are idle now, all of which are lost.
    let (one, two, three) = tokio::join!(store.head(), store.head(), store.head());
    assert!([one, two, three].iter().all(Result::is_ok));
    proxy.fall_silent();
    let reads = async {
        tokio::join!(
            async { unread(&store.head().await) },
            async { unread(&store.read_stream(&stream, StreamRead::after(0)).await) },
            async { unread(&store.read_log(Position(0), &all, 10).await) },
            async { unread(&store.find_event(EventSearch::of(Uuid::nil())).await) },
            async { unread(&store.load_snapshot(&stream, 1).await) },
            async { unread(&store.documents("c", &keys).await) },
            async { unread(&store.list_documents("c", &DocumentRange::default()).await) },
            async { unread(&store.processors("").await) },
            async { unread(&store.register("q", Checkpoint::default()).await) },
            async { unread(&store.acquire("p", lease.owner, LEASE).await) },
        )
    };
    let writes = async {
        tokio::join!(
            async { not_advanced(&store.renew(&lease, LEASE).await) },
            async { not_advanced(&store.release(&lease).await) },
            async { not_advanced(&store.advance(writing(&lease)).await) },
            async { not_advanced(&store.forget("p").await) },
            async { assert!(store.save_snapshot(snapshot()).await.is_err()) },
            async { assert!(store.close_stream(&stream, Expected::Any, "").await.is_err()) },
        )
    };
    timeout(PATIENCE, async { tokio::join!(reads, writes) }).await.expect("they are told");
    proxy.speak();
    for _ in 0..5 {
        store.renew(&lease, LEASE).await.unwrap();
        assert_eq!(store.read_log(Position(0), &all, 10).await.unwrap().events.len(), 1);
        assert!(store.documents("c", &keys).await.unwrap().is_empty());
    }
    store.close().await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_waits_for_a_connection_in_vain_is_known_not_to_be_done() {
    let proxy = Proxy::start().await;
    let (_, schema) = fresh().await;
    let (stream, redaction) = (StreamId::named("a-1"), Redaction::of(Uuid::nil(), "{}".into()));
    for options in [in_schema(&schema), in_schema(&schema).pooled()] {
        proxy.speak();
        // Nothing is asked before, so that no connection is kept.
        let store = PgStore::connect_with(&proxy.url(), options).await.unwrap();
        proxy.fall_silent();
        timeout(PATIENCE, async {
            tokio::join!(
                async { not_stored(&store.append(one("a-1")).await) },
                async { not_stored(&store.close_stream(&stream, Expected::Any, "").await) },
                async { not_stored(&store.truncate_stream(&stream, Expected::Any, 1).await) },
                async { not_stored(&store.redact_event(redaction.clone()).await) },
                async { not_stored(&store.save_snapshot(snapshot()).await) },
            )
        })
        .await
        .expect("they are told");
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn who_stops_waiting_costs_no_place() {
    let proxy = Proxy::start().await;
    let (store, lease) = behind(&proxy, 1).await;
    let sum = "SELECT count(*) FROM pg_catalog.pg_class";
    let read = || store.read(async |rows| sqlx::query_scalar::<_, i64>(sum).fetch_one(rows).await);
    read().await.unwrap();
    let short = Duration::from_millis(50);
    proxy.fall_silent();
    for _ in 0..3 {
        assert!(timeout(short, store.head()).await.is_err());
        assert!(timeout(short, store.renew(&lease, LEASE)).await.is_err());
        assert!(timeout(short, read()).await.is_err());
    }
    proxy.speak();
    assert_eq!(store.head().await.unwrap(), Position(1));
    store.renew(&lease, LEASE).await.unwrap();
    read().await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_page_that_is_long_on_its_way_is_no_fault() {
    let proxy = Proxy::start().await;
    let (store, _) = behind(&proxy, 1).await;
    for _ in 0..8 {
        let large = NewEvent { payload: vec![b' '; MAX_PAGE_BYTES / 10].into(), ..event() };
        store.append(commit("large-1", Expected::Any, vec![large])).await.unwrap();
    }
    // Longer than whatever is waited for at once.
    proxy.slow_down(u32::try_from(MAX_PAGE_BYTES * 8 / 10 / 12).unwrap());
    let page = store.read_stream(&StreamId::named("large-1"), StreamRead::after(0)).await.unwrap();
    assert_eq!(page.events.len(), 8);
}

/// Work that says when it has begun, and goes on when it is told.
fn work(begun: oneshot::Sender<()>, goes_on: oneshot::Receiver<()>) -> RowWork<PgTx> {
    let mut both = Some((begun, goes_on));
    Box::new(move |tx| {
        let both = both.take();
        Box::pin(async move {
            sqlx::query("CREATE TABLE rows_of_it (x int)").execute(&mut **tx).await?;
            if let Some((begun, goes_on)) = both {
                let _ = begun.send(());
                let _ = goes_on.await;
            }
            sqlx::query("INSERT INTO rows_of_it VALUES (1)").execute(&mut **tx).await?;
            Ok(())
        })
    })
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn work_that_nobody_answers_ends_with_the_session() {
    let proxy = Proxy::start().await;
    let (store, lease) = behind(&proxy, 1).await;
    let (begun, has_begun) = oneshot::channel();
    let (go_on, goes_on) = oneshot::channel();
    let advancing = store.advance_with(writing(&lease), "p_1_1".into(), work(begun, goes_on));
    let falling_silent = async {
        has_begun.await.unwrap();
        // The server is there, but for this connection.
        proxy.fall_silent();
        proxy.speak();
        go_on.send(()).unwrap();
    };
    let both = async { tokio::join!(advancing, falling_silent).0 };
    not_advanced(&timeout(PATIENCE, both).await.expect("it is told"));
    let (begun, _) = oneshot::channel();
    let (_, goes_on) = oneshot::channel();
    store.advance_with(writing(&lease), "p_1_1".into(), work(begun, goes_on)).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_reader_of_rows_that_nobody_answers_is_told() {
    let proxy = Proxy::start().await;
    let (store, _) = behind(&proxy, 1).await;
    let reading = store.read(async |rows| {
        proxy.fall_silent();
        sqlx::query("SELECT 1").execute(rows).await.map(drop)
    });
    unread(&timeout(PATIENCE, reading).await.expect("it is told"));
    proxy.speak();
    store.read(async |rows| sqlx::query("SELECT 1").execute(rows).await.map(drop)).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn work_may_take_longer_than_an_answer() {
    let (store, _) = fresh().await;
    let slowly = store.read(async |rows| sqlx::query("SELECT pg_sleep(11)").execute(rows).await.map(drop));
    slowly.await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn closing_waits_for_what_is_asked_and_answers_what_comes_later() {
    let (store, schema) = fresh().await;
    let mut holder = superuser().await;
    run(&mut holder, &schema, "BEGIN; LOCK TABLE {es}.documents IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let asking = tokio::spawn({
        let store = store.clone();
        async move { store.documents("c", &["k".to_owned()]).await }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%{es}%documents%'";
    until(&mut superuser().await, &schema, waiting, 1).await;
    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    while !store.head().await.is_err_and(|error| error.is_closed()) {}
    assert!(!asking.is_finished() && !closing.is_finished());
    run(&mut holder, &schema, "COMMIT").await.unwrap();
    assert!(asking.await.unwrap().unwrap().is_empty());
    closing.await.unwrap();
    assert!(store.documents("c", &["k".to_owned()]).await.is_err_and(|error| error.is_closed()));
    assert!(store.read(async |_| Ok(())).await.is_err_and(|error| error.is_closed()));
    let answer = store.append(commit("a-1", Expected::Any, vec![event()])).await;
    assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
}
