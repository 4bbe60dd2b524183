//! A warehouse that several processes work on: what is ordered is packed, mailed, and counted.

use super::ground::Ground;
use super::leases::{Book, Watched};
use super::lines;
use es_core::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tests::history::say;

#[aggregate_id]
pub struct OrderId(String);

impl OrderId {
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

#[event]
pub struct ItemAdded;
#[event]
pub struct Packed {
    pub number: u32,
}

#[command(Order)]
pub struct AddItem {
    #[id]
    pub order: OrderId,
}
#[command(Parcel)]
pub struct Pack {
    #[id]
    pub order: OrderId,
    pub number: u32,
}

#[aggregate(id = OrderId, default)]
#[derive(Default)]
pub struct Order;

#[applier]
impl Order {
    fn added(&mut self, _: &ItemAdded) {}
}

#[command_handler]
impl Order {
    fn add(&self, _: AddItem) -> ItemAdded {
        ItemAdded
    }
}

#[aggregate(id = OrderId, default)]
#[derive(Default)]
pub struct Parcel;

#[applier]
impl Parcel {
    fn packed(&mut self, _: &Packed) {}
}

#[command_handler(retry(max = 5))]
impl Parcel {
    /// Packs whatever it is told, so that a command that is carried out twice shows.
    async fn pack(&self, command: Pack, hatch: &Hatch) -> Packed {
        hatch.pass(&command.order);
        Packed { number: command.number }
    }
}

/// Packs each item. It counts by itself, so that an event that is taken twice, or not at all, shows.
#[reactor(key = OrderId, from = start)]
pub struct Packing {
    items: u32,
}

#[reactor]
impl Packing {
    fn added(&mut self, _: &ItemAdded, order: &OrderId) -> Pack {
        self.items += 1;
        Pack { order: order.clone(), number: self.items }
    }
}

#[reactor(from = start, retry(max = 3, backoff = "10ms..50ms"), on_failure = park)]
pub struct Mail;

#[reactor]
impl Mail {
    async fn packed(
        &self,
        e: &Packed,
        env: &Envelope,
        order: &OrderId,
        cx: &Context<Self>,
        post: &Post,
    ) -> Result<(), Undeliverable> {
        let lag = cx.now().duration_since(env.recorded_at).as_millis();
        post.send(&Letter {
            order: order.to_string(),
            number: e.number,
            event: env.id,
            key: cx.new_id(),
            lag: lag.try_into().unwrap_or_default(),
        })
        .await
    }
}

#[projection(key = OrderId)]
pub struct Parcels {
    pub packed: u32,
}

#[projection]
impl Parcels {
    fn packed(&mut self, _: &Packed) {
        self.packed += 1;
    }
}

/// Where commands for one order wait until their process is let through.
pub struct Hatch {
    /// Named by the process; while it is not there, nobody passes.
    opened: PathBuf,
}

/// The order that waits at the hatch.
pub const HELD: &str = "held";

impl Hatch {
    /// It blocks its thread: nobody who has lost the lease in the meantime can drop what waits here.
    fn pass(&self, order: &OrderId) {
        if order.to_string() != HELD {
            return;
        }
        say("at the hatch");
        tokio::task::block_in_place(|| {
            while !self.opened.exists() {
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        say("through the hatch");
    }
}

/// What has left the house.
#[value]
pub struct Letter {
    pub order: String,
    pub number: u32,
    pub event: Uuid,
    /// What the outside knows it again by.
    pub key: Uuid,
    /// How long ago the event was recorded, in milliseconds.
    pub lag: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("nobody takes it")]
pub struct Undeliverable;

/// The outside: a file, which a killed process has written a letter to or not.
pub struct Post {
    letters: PathBuf,
    /// The letter that it does not take, as order and number.
    poison: Option<String>,
    /// The letter that it never comes back with an answer about.
    lost: Option<String>,
}

impl Post {
    async fn send(&self, letter: &Letter) -> Result<(), Undeliverable> {
        let letter_is = |one: &Option<String>| {
            one.as_ref().is_some_and(|one| *one == format!("{} {}", letter.order, letter.number))
        };
        if letter_is(&self.poison) {
            return Err(Undeliverable);
        }
        if letter_is(&self.lost) {
            say("waits for the post");
            std::future::pending::<()>().await;
        }
        lines::add(&self.letters, &es_core::serde_json::to_string(letter).unwrap());
        Ok(())
    }
}

/// What was sent, in order.
pub fn letters(folder: &Path) -> Vec<Letter> {
    let sent = lines::read(&folder.join(LETTERS));
    sent.iter().map(|line| es_core::serde_json::from_str(line).unwrap()).collect()
}

const LETTERS: &str = "letters";

/// What one process has of the world beside the store.
pub struct Outside {
    /// Where letters go, hatches are, and leases are noted.
    pub folder: PathBuf,
    /// The process's name, and that of its hatch.
    pub process: String,
    /// The letter that the post does not take, as order and number.
    pub poison: Option<String>,
    /// The letter that the post never comes back from.
    pub lost: Option<String>,
}

/// The app of one process.
pub async fn app<G: Ground>(store: &G::Store, outside: &Outside) -> App {
    let store = Watched {
        store: store.clone(),
        process: outside.process.as_str().into(),
        book: Book::of(&outside.folder),
    };
    let app = App::builder(store)
        .aggregate::<Order>()
        .aggregate::<Parcel>()
        .reactor::<Packing>()
        .reactor::<Mail>()
        .projection::<Parcels>();
    G::with_shelf(app)
        .service(Arc::new(Hatch { opened: outside.folder.join(&outside.process) }))
        .service(Arc::new(Post {
            letters: outside.folder.join(LETTERS),
            poison: outside.poison.clone(),
            lost: outside.lost.clone(),
        }))
        .build()
        .await
        .unwrap()
}
