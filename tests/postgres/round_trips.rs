//! How often a command goes to the server and back.

use crate::kit::{fresh, in_schema};
use crate::proxy::Proxy;
use es_core::prelude::*;
use es_core::store::PgStore;

#[aggregate_id]
pub struct MeterId(u32);

#[event]
pub struct Counted {
    pub by: u64,
}

#[command(Meter)]
pub struct Count {
    #[id]
    pub meter: MeterId,
    pub by: u64,
}

#[aggregate(id = MeterId, default)]
#[derive(Default)]
pub struct Meter {
    pub sum: u64,
}

#[applier]
impl Meter {
    fn counted(&mut self, e: &Counted) {
        self.sum += e.by;
    }
}

#[command_handler(retry(max = 0))]
impl Meter {
    fn count(&self, command: Count) -> Counted {
        Counted { by: command.by }
    }
}

fn count(meter: u32, by: u64) -> Count {
    Count { meter: MeterId(meter), by }
}

async fn metering(store: &PgStore, cache: usize) -> App {
    App::builder(store.clone()).aggregate::<Meter>().cache(cache).build().await.unwrap()
}

/// A connection is tested so when it goes back to the pool. Nobody waits for that.
const TESTED: &[u8] = b"S\0\0\0\x04";

/// Round trips by what they are for.
#[derive(Default)]
struct Trips {
    /// Those of commands.
    own: usize,
    /// What is told to other processes goes beside the commands, one message for all of a few milliseconds.
    announced: usize,
    tested: usize,
}

impl Trips {
    /// What has gone by there since this was asked last.
    fn by(proxy: &Proxy, schema: &str) -> Self {
        // Where the channel is a value, the next one's length is behind it; in a statement the schema is quoted.
        let channel = [schema.as_bytes(), b"\0"].concat();
        let holds = |asked: &[u8], part: &[u8]| asked.windows(part.len()).any(|window| window == part);
        let mut trips = Self::default();
        for asked in proxy.asked() {
            match &*asked {
                TESTED => trips.tested += 1,
                told if holds(told, &channel) || holds(told, b"pg_notify") => trips.announced += 1,
                _ => trips.own += 1,
            }
        }
        trips
    }

    /// How many commands and their reads have made; besides, each use of the pool is tested once, and one that
    /// began before may come late.
    #[track_caller]
    fn are(&self, commits: usize, reads: usize) {
        assert_eq!(self.own, commits + reads);
        assert!(self.tested <= self.announced + reads + 2, "{} and {}", self.tested, self.announced);
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_command_is_one_round_trip_where_the_state_is_known_and_two_where_it_is_not() {
    let (_, schema) = fresh().await;
    let proxy = Proxy::start().await;
    let store = PgStore::connect_with(&proxy.url(), in_schema(&schema).connections(1)).await.unwrap();
    let (known, forgetful) = (metering(&store, 100).await, metering(&store, 0).await);
    // What is prepared once, and the state that is known.
    for (app, meter) in [(&known, 1), (&forgetful, 100)] {
        for _ in 0..2 {
            app.execute(count(meter, 1)).await.unwrap();
        }
    }
    let trips = || Trips::by(&proxy, &schema);
    trips();

    for _ in 0..20 {
        known.execute(count(1, 1)).await.unwrap();
    }
    trips().are(20, 0);
    for meter in 2..22 {
        known.execute(count(meter, 1)).await.unwrap();
    }
    trips().are(20, 20);
    for _ in 0..20 {
        forgetful.execute(count(100, 1)).await.unwrap();
    }
    trips().are(20, 20);
}
