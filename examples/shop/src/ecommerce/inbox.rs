//! Where letters come in.

use super::cart::CartId;
use super::purchase::{AskForCard, NoteCancelled, NoteDelay, NoteShipped};
use crate::public::{self, Letter, Post, PostError, Taken, Tally};
use es_core::prelude::*;

/// Turns public events into commands of this context. A letter's key is the id of its command, so that a
/// letter that comes again changes nothing.
#[derive(Debug)]
pub struct Inbox {
    app: App,
    tally: Tally,
}

impl Inbox {
    /// The inbox of the context that this app runs.
    pub fn new(app: App) -> Self {
        Self { app, tally: Tally::default() }
    }

    /// How many letters became what.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    async fn take(&self, letter: &Letter) -> Result<Taken, PostError> {
        let (app, key) = (&self.app, letter.key);
        if let Some(public::CardWanted { cart }) = letter.read()? {
            let command = AskForCard { cart: CartId::from(cart) };
            return Taken::from_answer(app.execute(command).id(key).await);
        }
        if let Some(public::ItemDelayed { cart, article }) = letter.read()? {
            let command = NoteDelay { cart: CartId::from(cart), article };
            return Taken::from_answer(app.execute(command).id(key).await);
        }
        if let Some(public::OrderShipped { cart, tracking }) = letter.read()? {
            let command = NoteShipped { cart: CartId::from(cart), tracking };
            return Taken::from_answer(app.execute(command).id(key).await);
        }
        if let Some(public::OrderCancelled { cart, reason }) = letter.read()? {
            let command = NoteCancelled { cart: CartId::from(cart), reason };
            return Taken::from_answer(app.execute(command).id(key).await);
        }
        Ok(Taken::Skipped)
    }
}

impl Post for Inbox {
    fn deliver(&self, letter: Letter) -> BoxFuture<'_, Result<(), PostError>> {
        Box::pin(async move {
            self.tally.count(self.take(&letter).await?);
            Ok(())
        })
    }
}
