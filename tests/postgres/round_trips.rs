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

/// How many round trips there were since this was asked last, but for what is told to other processes: that goes beside
/// the commands.
fn trips(proxy: &Proxy, schema: &str) -> usize {
    // Where the channel is a value, the next one's length is behind it; in a statement the schema is quoted.
    let channel = [schema.as_bytes(), b"\0"].concat();
    let holds = |asked: &[u8], part: &[u8]| asked.windows(part.len()).any(|window| window == part);
    let is_told = |asked: &[u8]| holds(asked, &channel) || holds(asked, b"pg_notify");
    proxy.asked().iter().filter(|asked| !is_told(asked)).count()
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
    trips(&proxy, &schema);

    for _ in 0..20 {
        known.execute(count(1, 1)).await.unwrap();
    }
    assert_eq!(trips(&proxy, &schema), 20);
    for meter in 2..22 {
        known.execute(count(meter, 1)).await.unwrap();
    }
    assert_eq!(trips(&proxy, &schema), 40);
    for _ in 0..20 {
        forgetful.execute(count(100, 1)).await.unwrap();
    }
    assert_eq!(trips(&proxy, &schema), 40);
}
