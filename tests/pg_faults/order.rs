//! Many who write and many who read: nobody sees a hole, and nobody overwrites anybody.

use super::site::{Site, run};
use es_core::store::{EventStore, Filter};
use es_core::{Position, StreamId};
use sqlx::Connection;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::history::{History, Load, Subscriber, Verdict, Writer, contend, log_of};
use tests::server::process::often;
use tokio::task::JoinSet;
use tokio::time::Instant;

const WRITERS: u32 = 16;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn readers_see_no_hole_while_sixteen_write() {
    let polls = often(3_000, 20_000);
    let site = Site::new().await;
    let (stores, history) = (site.stores(4).await, Arc::new(History::default()));
    let load = Load::start(&stores, &history, 0, WRITERS);
    load.goes_on(1).await;
    let reader = site.store().await;
    let (mut after, mut seen) = (Position(0), 0);
    for _ in 0..polls {
        let page = reader.read_log(after, &Filter::all(), 1_000).await.unwrap();
        for event in page.events {
            seen += 1;
            assert_eq!(event.position.0, seen, "there is a hole");
        }
        after = page.scanned_to;
    }
    load.end().await;
    Verdict::of(&*reader, &history).await.holds(&format!("{polls} polls, {WRITERS} writers, no hole"));
    println!("sixteen writers: {seen} events seen in {polls} polls while they were written");
}

/// The same readers on a table that is numbered by a sequence see holes, or the test above would see none
/// whatever the store does.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn the_same_readers_see_holes_in_a_plain_table() {
    let polls = often(500, 3_000);
    let site = Site::new().await;
    let mut reader = site.server.connect().await;
    run(&mut reader, "CREATE TABLE plain (position bigserial PRIMARY KEY, payload text NOT NULL)").await;
    let end = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (mut connection, end) = (site.server.connect().await, end.clone());
        writers.spawn(async move {
            while !end.load(Ordering::SeqCst) {
                let insert = "INSERT INTO plain (payload) SELECT 'one' FROM generate_series(1, 3)";
                run(&mut connection, insert).await;
            }
            connection.close().await.unwrap();
        });
    }
    let (mut after, mut holes, mut polled) = (0, 0, 0);
    // Chance may need more of them; a store that is in order has none, however often one looks.
    while polled < polls || (holes == 0 && polled < 100 * polls) {
        polled += 1;
        let page = sqlx::query_scalar::<_, i64>(
            "SELECT position FROM plain WHERE position > $1 ORDER BY position LIMIT 1000",
        )
        .bind(after)
        .fetch_all(&mut reader)
        .await
        .unwrap();
        let from = after;
        after = page.last().copied().unwrap_or(after);
        holes += u32::from(usize::try_from(after - from).unwrap() != page.len());
    }
    end.store(true, Ordering::SeqCst);
    writers.join_all().await;
    println!("a plain table: {holes} of {polled} polls saw a hole, and passed it");
    assert!(holes > 0);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn all_who_write_to_one_stream_are_served_and_subscribers_see_it() {
    let (contenders, times) = (often(12, 64), u64::from(often(6, 50)));
    let site = Site::new().await;
    let (stores, history) = (site.stores(4).await, Arc::new(History::default()));
    let stream = StreamId::named("counter-1");
    let filters = [
        Filter::all(),
        Filter::stream(stream.clone()),
        Filter::category("one"),
        Filter::category("two").names(["Ended"]),
    ];
    let readers = (0..16).map(|n| {
        let filter = &filters[n % filters.len()];
        (filter, Subscriber::start(stores[n % stores.len()].clone(), filter.clone(), n as u64))
    });
    let readers: Vec<_> = readers.collect();
    let load = Load::start(&stores, &history, 0, 8);
    let began = Instant::now();
    let contend = |(number, store): (u32, &Arc<dyn EventStore>)| {
        let writer = Writer { run: 1, number };
        contend(store.clone(), history.clone(), writer, stream.clone(), times)
    };
    let contending: JoinSet<u64> = (0..contenders).zip(stores.iter().cycle()).map(contend).collect();
    let conflicts = contending.join_all().await;
    let took = began.elapsed();
    load.end().await;
    let log = log_of(&*stores[0]).await;
    let mut verdict = Verdict::of(&*stores[0], &history).await;
    let mut starts = HashMap::new();
    for (number, (filter, subscriber)) in readers.into_iter().enumerate() {
        let readings = subscriber.end().await;
        starts.insert(number, readings.len());
        verdict.delivered(&log, filter, &readings);
    }
    let counted = log.iter().filter(|event| event.stream == stream).count();
    assert_eq!(counted as u64, u64::from(contenders) * times, "each has its turns, and none is lost");
    verdict.holds(&format!("{contenders} writers on one stream, 8 on their own"));
    println!(
        "one stream: {counted} appends in {took:?}, {} conflicts, at most {:?} of one writer; 16 subscribers, {} starts",
        conflicts.iter().sum::<u64>(),
        conflicts.iter().max(),
        starts.values().sum::<usize>(),
    );
}
