//! A database whose clock is set.

use super::site::Site;
use es_core::store::{AppendError, Checkpoint, EventStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tests::history::{History, Verdict, Writer, commit_of};
use tests::server::postgres::Postgres;
use tests::server::process::{folder, until};
use tokio::time::Instant;
use uuid::Uuid;

const TTL: Duration = Duration::from_secs(5);

/// Sets the clock by an offset, as in `-1h`.
fn set(clock: &Path, offset: &str) {
    let beside = clock.with_extension("new");
    std::fs::write(&beside, offset).unwrap();
    std::fs::rename(beside, clock).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_clock_that_is_set_changes_no_order_and_lets_nobody_hold_on() {
    let folder = folder();
    let clock = folder.path().join("clock");
    set(&clock, "+0");
    let site = Site::on(Postgres::start_by(&clock).await).await;
    let (store, other) = (site.store().await, site.store().await);
    let history = Arc::new(History::default());
    store.register("p", Checkpoint::default()).await.unwrap();
    let mut lease = store.acquire("p", Uuid::now_v7(), TTL).await.unwrap().unwrap();
    let mut n = 0;
    for (offset, holds_on) in [("-1h", true), ("+2h", false), ("-3h", true), ("+0", false)] {
        let writer = Writer { run: 0, number: 0 };
        history.append(&*store, 0, commit_of(writer, n).under(&lease)).await.unwrap();
        set(&clock, offset);
        let mut connection = site.server.connect().await;
        let hours: i64 = offset.trim_end_matches('h').parse().unwrap();
        until("the database sees it", async || {
            let seen = "SELECT abs(extract(epoch FROM clock_timestamp()) - $1) < 60";
            let due = jiff::Timestamp::now().as_second() + 3_600 * hours;
            sqlx::query_scalar(seen).bind(due).fetch_one(&mut connection).await.unwrap()
        })
        .await;
        let began = Instant::now();
        // Set ahead, whatever was held has run out; set back, it lasts as long as it was taken for, and no longer.
        let mut taken = other.acquire("p", Uuid::now_v7(), TTL).await.unwrap();
        assert_eq!(taken.is_none(), holds_on, "{offset}");
        until("the lease runs out", async || {
            if taken.is_none() {
                taken = other.acquire("p", Uuid::now_v7(), TTL).await.unwrap();
            }
            taken.is_some()
        })
        .await;
        println!("the clock was set to {offset}: a lease of {TTL:?} was free after {:?}", began.elapsed());
        n += 1;
        let late = history.append(&*store, 0, commit_of(writer, n).under(&lease)).await;
        assert!(matches!(late, Err(AppendError::Fenced { .. })), "{late:?}");
        lease = taken.unwrap();
    }
    Verdict::of(&*store, &history).await.holds("the database's clock set four times");
}
