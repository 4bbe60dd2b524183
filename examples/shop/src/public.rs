//! What the contexts say to each other: public events, the letters that carry them, and who takes a letter
//! in.
//!
//! A public event is a promise to others, so it has a name and a version of its own, and says no more than
//! others need. What a context writes down for itself can change without anybody noticing.

use es_core::prelude::*;
use es_core::serde_json::{self, Value};
use std::error::Error;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

// ---------------------------------------------------------------------------------- what ecommerce tells

/// A customer has bought something.
#[event(name = "public.checked_out")]
pub struct CheckedOut {
    pub cart: String,
    pub customer: String,
    pub email: String,
    pub card: String,
    pub lines: Vec<Line>,
    /// In cents.
    pub total: u64,
}

/// So many of an article.
#[value]
pub struct Line {
    pub article: String,
    pub quantity: u32,
}

/// A customer wants to pay with another card.
#[event(name = "public.card_given")]
pub struct CardGiven {
    pub cart: String,
    pub card: String,
}

/// A customer does not want it any more.
#[event(name = "public.cancel_wanted")]
pub struct CancelWanted {
    pub cart: String,
}

// ---------------------------------------------------------------------------- what order management tells

/// The card was declined; another one is needed.
#[event(name = "public.card_wanted")]
pub struct CardWanted {
    pub cart: String,
}

/// An article is out of stock, and is waited for.
#[event(name = "public.item_delayed")]
pub struct ItemDelayed {
    pub cart: String,
    pub article: String,
}

/// What was bought is on its way.
#[event(name = "public.order_shipped")]
pub struct OrderShipped {
    pub cart: String,
    pub tracking: String,
}

/// What was bought will not come.
#[event(name = "public.order_cancelled")]
pub struct OrderCancelled {
    pub cart: String,
    pub reason: String,
}

// ------------------------------------------------------------------------------------------------ letters

/// A public event on its way to another context.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The same for each delivery of the same letter: whoever has seen it knows this one.
    pub key: Uuid,
    /// The public event's name.
    pub name: String,
    /// The version of its shape.
    pub version: u16,
    /// Its fields.
    pub body: Value,
}

impl Letter {
    /// A letter with this event in it.
    ///
    /// # Errors
    /// If the event cannot be written as JSON.
    pub fn of<E: Event>(key: Uuid, event: &E) -> Result<Self, PostError> {
        let body = serde_json::to_value(event)?;
        Ok(Self { key, name: E::NAME.to_owned(), version: E::VERSION, body })
    }

    /// The event, if it is one of these. A newer version is something else: this code cannot know what it
    /// means.
    ///
    /// # Errors
    /// If it should be one, and its fields are not there.
    pub fn read<E: Event>(&self) -> Result<Option<E>, PostError> {
        if self.name != E::NAME || self.version != E::VERSION {
            return Ok(None);
        }
        Ok(Some(serde_json::from_value(self.body.clone())?))
    }
}

/// Takes letters in. A letter may come more than once, and is carried out once.
pub trait Post: Send + Sync {
    /// Hands a letter over. When this answers, the letter has arrived for good.
    fn deliver(&self, letter: Letter) -> BoxFuture<'_, Result<(), PostError>>;
}

/// Why a letter has not arrived. It can be delivered again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The other context does not run.
    #[error("nobody takes letters in")]
    NobodyThere,
    /// What the letter asks for could not be done now.
    #[error("the letter could not be carried out")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// The letter does not hold what it should.
    #[error("the letter cannot be read or written")]
    Json(#[from] serde_json::Error),
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its command was carried out.
    Done,
    /// It came before.
    Again,
    /// Its command was refused, now as later.
    Refused,
    /// It is of a kind, or a version, that nobody here waits for.
    Skipped,
}

impl Taken {
    /// What the answer to a letter's command means for the letter.
    ///
    /// # Errors
    /// If the command could not be carried out now, and may be later.
    pub fn from_answer<A: Applier, R, E: Error + Send + Sync + 'static>(
        answer: Result<Committed<A, R>, CommandError<E>>,
    ) -> Result<Self, PostError> {
        match answer {
            Ok(done) if done.duplicate => Ok(Self::Again),
            Ok(_) => Ok(Self::Done),
            // What the letter is about may still be on its way: another letter, or a step of a process.
            Err(error @ CommandError::NotFound { .. }) => Err(PostError::Failed(error.into())),
            Err(error) if error.is_refusal() => Ok(Self::Refused),
            Err(error) => Err(PostError::Failed(error.into())),
        }
    }
}

/// How many letters became what, since the process has started.
#[derive(Debug, Default)]
pub struct Tally([AtomicU64; 4]);

impl Tally {
    /// Counts a letter.
    pub fn count(&self, taken: Taken) {
        self.0[taken as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn of(&self, taken: Taken) -> u64 {
        self.0[taken as usize].load(Ordering::Relaxed)
    }
}

/// The way to a context that may not run yet: two contexts that write to each other cannot both be built
/// first.
#[derive(Default)]
pub struct Door(OnceLock<Weak<dyn Post>>);

impl Door {
    /// From now on letters go to this inbox, for as long as its context keeps it. Only the first one counts.
    pub fn open<P: Post + 'static>(&self, inbox: &Arc<P>) {
        let inbox: Weak<P> = Arc::downgrade(inbox);
        // A door leads to one room: a second inbox is never asked.
        let _ = self.0.set(inbox);
    }
}

impl Post for Door {
    fn deliver(&self, letter: Letter) -> BoxFuture<'_, Result<(), PostError>> {
        Box::pin(async move {
            let inbox = self.0.get().and_then(Weak::upgrade).ok_or(PostError::NobodyThere)?;
            inbox.deliver(letter).await
        })
    }
}
