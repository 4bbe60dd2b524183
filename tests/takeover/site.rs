//! A warehouse as its customers see it: they order, and look at what has become of it.

use super::child;
use super::ground::Ground;
use super::leases::Book;
use super::node::Node;
use super::warehouse::{
    AddItem, Letter, OrderId, Outside, Packed, Parcel, ParcelEvent, Parcels, app, letters,
};
use es_core::prelude::*;
use es_core::store::StoredEvent;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::server::process::{BOUND, until};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How many orders grow at the same time.
const ORDERS: u32 = 8;

/// The ground, what is beside it, and an app that nothing runs in.
pub struct Site<G: Ground> {
    pub ground: G,
    folder: TempDir,
    store: G::Store,
    pub app: App,
}

impl<G: Ground> Site<G> {
    pub async fn new() -> Self {
        let (ground, folder) = (G::fresh().await, tempfile::tempdir().unwrap());
        let store = ground.open().await;
        let outside = Outside {
            folder: folder.path().to_owned(),
            process: "customers".into(),
            poison: None,
            lost: None,
        };
        let app = app::<G>(&store, &outside).await;
        Self { ground, folder, store, app }
    }

    /// Starts a process.
    pub fn start(&self, name: &str, environment: &[(&str, &str)]) -> Node {
        let (address, folder) = (self.ground.address(), self.folder.path().to_str().unwrap());
        let whereabouts = [(child::NAME, name), (child::PLACE, address.as_str()), (child::FOLDER, folder)];
        Node::start(G::NAME, &[&whereabouts[..], environment].concat())
    }

    pub fn letters(&self) -> Vec<Letter> {
        letters(self.folder.path())
    }

    /// What has become of the leases.
    pub fn book(&self) -> Book {
        Book::of(self.folder.path())
    }

    /// Starts a process, and waits until it holds all leases.
    pub async fn holder(&self, name: &str, environment: &[(&str, &str)]) -> (Node, HashMap<Arc<str>, Uuid>) {
        let node = self.start(name, environment);
        until("it holds all leases", async || self.owners().await.len() == G::FOLLOWERS.len()).await;
        (node, self.owners().await)
    }

    /// Starts a process while another one holds the leases.
    pub async fn waiting(&self, name: &str, environment: &[(&str, &str)]) -> Node {
        let mut node = self.start(name, environment);
        let waiting: Vec<_> = G::FOLLOWERS.iter().map(|follower| format!("{follower} Waiting")).collect();
        node.says_all(&waiting.iter().map(String::as_str).collect::<Vec<_>>()).await;
        node
    }

    /// Stops a process where it does not keep others from writing.
    pub async fn freeze(&self, node: &Node) {
        until("it is stopped between two writes", async || {
            node.signal("STOP");
            let between = self.ground.is_writable().await;
            if !between {
                node.signal("CONT");
            }
            between
        })
        .await;
    }

    /// Lets the commands for the order that is held pass in a process.
    pub fn open_hatch(&self, process: &str) {
        std::fs::write(self.folder.path().join(process), "").unwrap();
    }

    /// Who holds which lease.
    pub async fn owners(&self) -> HashMap<Arc<str>, Uuid> {
        let processors = self.store.processors("").await.unwrap();
        let works =
            |name: &str| G::FOLLOWERS.iter().any(|follower| name.contains(follower)) && !name.contains('/');
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
            let mut ticks = interval(G::PACE);
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
                    for _ in 0..G::MANY {
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

    /// Waits until the log has grown by so many events.
    pub async fn grows(&self, events: usize) {
        let due = self.store.head().await.unwrap().0 + events as u64;
        until("the log grows", async || self.store.head().await.unwrap().0 >= due).await;
    }

    /// Waits until everything that is ordered is done.
    pub async fn settles(&self) {
        self.settles_without("").await;
    }

    /// Waits until everybody but one has done everything that is ordered.
    pub async fn settles_without(&self, busy: &str) {
        let settling = async {
            let ordered = self.store.head().await.unwrap();
            self.app.wait_for("packing", ordered).await.unwrap();
            let packed = self.store.head().await.unwrap();
            for follower in G::FOLLOWERS.iter().filter(|follower| **follower != busy) {
                self.app.wait_for(follower, packed).await.unwrap();
            }
        };
        timeout(3 * BOUND, settling).await.unwrap();
    }

    /// The events of the log that are asked for.
    pub async fn log(&self, filter: &Filter) -> Vec<StoredEvent> {
        let (mut events, mut after) = (Vec::new(), Position(0));
        loop {
            let page = self.store.read_log(after, filter, 1_000).await.unwrap();
            events.extend(page.events);
            after = page.scanned_to;
            if after == page.head {
                return events;
            }
        }
    }

    /// How often each order was added to.
    pub async fn ordered(&self) -> BTreeMap<String, u32> {
        let mut ordered = BTreeMap::new();
        for event in self.log(&Filter::category("order")).await {
            *ordered.entry(event.stream.id_text().to_owned()).or_default() += 1;
        }
        ordered
    }

    /// What holds whatever has happened to whom: every item is packed once, in order, and counted once, in
    /// documents and in rows; a letter about it was sent, and where it was sent again, it is the same. Each epoch of
    /// a lease was one holder's, and who had lost it wrote nothing.
    pub async fn is_as_if_nothing_had_happened(&self) {
        let ordered = self.ordered().await;
        let letters = self.letters();
        let mut keys: HashMap<Uuid, Uuid> = HashMap::new();
        for letter in &letters {
            let known = *keys.entry(letter.event).or_insert(letter.key);
            assert_eq!(known, letter.key, "a letter that is sent again has the key of the first");
        }
        let distinct: HashSet<_> = keys.values().collect();
        assert_eq!(distinct.len(), keys.len(), "letters about different items have different keys");
        let rows = G::shelf(&self.store).await;
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
            let on_shelf = rows.as_ref().map(|rows| rows.get(order).copied());
            assert!(
                on_shelf.is_none_or(|packed| packed == Some(i64::from(*items))),
                "order {order}: {rows:?}"
            );
            assert!(first_letters(&letters, order).into_iter().eq(1..=*items), "order {order}");
        }
        let repeated = letters.len() - keys.len();
        println!("done once: {} items, {repeated} letters sent again", ordered.values().sum::<u32>());
        let (book, mut epochs) = (self.book(), HashSet::new());
        for taken in &book.taken() {
            assert!(epochs.insert((taken.lease.clone(), taken.epoch)), "taken twice: {taken:?}");
        }
        assert!(book.late().is_empty(), "{:?}, with {:?}", book.late(), book.taken());
        assert!(self.ground.is_sound());
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
