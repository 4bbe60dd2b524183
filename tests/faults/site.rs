//! A warehouse as its customers see it: they order, and look at what has become of it.

use super::node::{BOUND, Node};
use super::verdict;
use super::warehouse::{AddItem, Letter, OrderId, Packed, Parcel, ParcelEvent, Parcels, app, letters};
use es_core::prelude::*;
use es_core::store::SqliteStore;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How many orders grow at the same time.
const ORDERS: u32 = 8;

/// How often each of them is added to in a rush.
const RUSH: u32 = 100;

/// What works on it, by the names that users say.
pub const FOLLOWERS: [&str; 3] = ["mail", "packing", "parcels"];

/// The files, and an app that nothing runs in.
pub struct Site {
    folder: TempDir,
    pub store: SqliteStore,
    pub app: App,
}

impl Site {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("events.db")).await.unwrap();
        let app = app(store.clone(), folder.path(), "customers", None).await;
        Self { folder, store, app }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("events.db")
    }

    pub fn letters(&self) -> Vec<Letter> {
        letters(self.folder.path())
    }

    /// Starts a process, and waits until it holds all leases.
    pub async fn holder(&self, name: &str, environment: &[(&str, &str)]) -> (Node, HashMap<Arc<str>, Uuid>) {
        let node = Node::start(name, &self.file(), environment);
        until("it holds all leases", async || self.owners().await.len() == FOLLOWERS.len()).await;
        (node, self.owners().await)
    }

    /// Starts a process while another one holds the leases.
    pub async fn waiting(&self, name: &str) -> Node {
        let mut node = Node::start(name, &self.file(), &[]);
        // They are told of in this order, each as soon as it is known.
        for follower in FOLLOWERS {
            node.says(&format!("{follower} Waiting")).await;
        }
        node
    }

    /// Lets the commands for the order that is held pass in a process.
    pub fn open_hatch(&self, process: &str) {
        std::fs::write(self.folder.path().join(process), "").unwrap();
    }

    /// Who holds which lease.
    pub async fn owners(&self) -> HashMap<Arc<str>, Uuid> {
        let processors = self.store.processors("").await.unwrap();
        let works =
            |name: &str| FOLLOWERS.iter().any(|follower| name.contains(follower)) && !name.contains('/');
        let owned = processors.into_iter().filter(|processor| works(&processor.name));
        owned.filter_map(|processor| Some((processor.name, processor.owner?))).collect()
    }

    /// Waits until others than these hold all leases, and answers how long that took.
    pub async fn taken_over_from(&self, before: &HashMap<Arc<str>, Uuid>) -> Duration {
        let began = Instant::now();
        until("another process takes over", async || {
            let now = self.owners().await;
            before.iter().all(|(name, owner)| now.get(name).is_some_and(|now| now != owner))
        })
        .await;
        began.elapsed()
    }

    /// Customers who order again and again.
    pub fn customers(&self) -> Customers {
        let (app, gone) = (self.app.clone(), Arc::new(AtomicBool::new(false)));
        let leave = gone.clone();
        let ordering = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_millis(10));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for n in 0.. {
                ticks.tick().await;
                if leave.load(Ordering::Relaxed) {
                    break;
                }
                app.execute(AddItem { order: OrderId::named(&(n % ORDERS).to_string()) }).await.unwrap();
            }
        });
        Customers { gone, ordering }
    }

    /// Customers who all come at once, so that there is more to do than is done.
    pub fn rush(&self) -> JoinSet<()> {
        (0..ORDERS)
            .map(|order| {
                let app = self.app.clone();
                async move {
                    for _ in 0..RUSH {
                        app.execute(AddItem { order: OrderId::named(&order.to_string()) }).await.unwrap();
                    }
                }
            })
            .collect()
    }

    /// Waits until so many letters have left.
    pub async fn sends(&self, letters: usize) {
        until("letters are sent", async || self.letters().len() >= letters).await;
    }

    /// Waits until everything that is ordered is done.
    pub async fn settles(&self) {
        let settling = async {
            let ordered = self.store.head().await.unwrap();
            self.app.wait_for("packing", ordered).await.unwrap();
            let packed = self.store.head().await.unwrap();
            self.app.wait_for("mail", packed).await.unwrap();
            self.app.wait_for("parcels", packed).await.unwrap();
        };
        timeout(BOUND, settling).await.unwrap();
    }

    /// How often each order was added to.
    pub async fn ordered(&self) -> BTreeMap<String, u32> {
        let mut ordered = BTreeMap::new();
        let mut after = Position(0);
        loop {
            let page = self.store.read_log(after, &Filter::category("order"), 1_000).await.unwrap();
            for event in &page.events {
                *ordered.entry(event.stream.id_text().to_owned()).or_default() += 1;
            }
            after = page.scanned_to;
            if after == page.head {
                return ordered;
            }
        }
    }

    /// What holds whatever has happened to whom: every item is packed once, in order, and counted once; a
    /// letter about it was sent, and where it was sent again, it is the same.
    pub async fn is_as_if_nothing_had_happened(&self) {
        let ordered = self.ordered().await;
        let letters = self.letters();
        let mut keys: HashMap<Uuid, Uuid> = HashMap::new();
        for letter in &letters {
            let known = *keys.entry(letter.event).or_insert(letter.key);
            assert_eq!(known, letter.key, "a letter that is sent again has the key of the first");
        }
        let distinct: std::collections::HashSet<_> = keys.values().collect();
        assert_eq!(distinct.len(), keys.len(), "letters about different items have different keys");
        for (order, items) in &ordered {
            let parcel = OrderId::named(order);
            let packed = self.app.history::<Parcel>(&parcel).await.unwrap();
            let number = |event: &Recorded<ParcelEvent>| match &event.data {
                ParcelEvent::Packed(Packed { number }) => *number,
                retired @ ParcelEvent::Retired(_) => panic!("{retired:?}"),
            };
            let numbers: Vec<_> = packed.iter().map(number).collect();
            assert!(numbers.iter().copied().eq(1..=*items), "order {order} has {items} items: {numbers:?}");
            let counted = self.app.document::<Parcels>(&parcel).await.unwrap().unwrap();
            assert_eq!(counted.packed, *items, "order {order}");
            assert!(first_letters(&letters, order).into_iter().eq(1..=*items), "order {order}");
        }
        let repeated = letters.len() - keys.len();
        println!("{} items, {repeated} letters sent again", ordered.values().sum::<u32>());
        assert!(verdict::is_sound(&self.file()));
    }
}

/// The items of an order that letters were sent about, in the order of the first one about each.
pub fn first_letters(letters: &[Letter], order: &str) -> Vec<u32> {
    let mut first = Vec::new();
    for letter in letters.iter().filter(|letter| letter.order == order) {
        if !first.contains(&letter.number) {
            first.push(letter.number);
        }
    }
    first
}

pub struct Customers {
    gone: Arc<AtomicBool>,
    ordering: JoinHandle<()>,
}

impl Customers {
    /// Waits until the last order is in.
    pub async fn leave(self) {
        self.gone.store(true, Ordering::Relaxed);
        self.ordering.await.unwrap();
    }
}

/// Looks again and again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(BOUND, looking).await.unwrap_or_else(|_| panic!("it is not so that {what}"));
}

/// Whether somebody who writes could do so now. A stopped process that is about to write keeps all others
/// from it, which is SQLite's lock and not what the tests are about.
pub fn is_writable(file: &Path) -> bool {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.busy_timeout(Duration::from_millis(200)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok()
}
