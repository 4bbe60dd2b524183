//! Where letters come in.

use super::order::{CancelOrder, Line, OrderId, ReceiveOrder};
use super::payment::UpdateCard;
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
        if let Some(bought) = letter.read::<public::CheckedOut>()? {
            return Taken::from_answer(app.execute(receive(bought)).id(key).await);
        }
        if let Some(public::CardGiven { cart, card }) = letter.read()? {
            let command = UpdateCard { order: OrderId::from(cart), card };
            return Taken::from_answer(app.execute(command).id(key).await);
        }
        if let Some(public::CancelWanted { cart }) = letter.read()? {
            let reason = "the customer does not want it any more".to_owned();
            let command = CancelOrder { order: OrderId::from(cart), reason };
            return Taken::from_answer(app.execute(command).id(key).await);
        }
        Ok(Taken::Skipped)
    }
}

fn receive(bought: public::CheckedOut) -> ReceiveOrder {
    let public::CheckedOut { cart, customer, email, card, lines, total } = bought;
    ReceiveOrder { order: OrderId::from(cart), customer, email, card, lines: merged(lines), total }
}

/// A line for each article: an order asks for each of them once.
fn merged(lines: Vec<public::Line>) -> Vec<Line> {
    let mut merged: Vec<Line> = Vec::with_capacity(lines.len());
    for public::Line { article, quantity } in lines {
        match merged.iter_mut().find(|line| line.article == article) {
            Some(line) => line.quantity = line.quantity.saturating_add(quantity),
            None => merged.push(Line { article, quantity }),
        }
    }
    merged
}

impl Post for Inbox {
    fn deliver(&self, letter: Letter) -> BoxFuture<'_, Result<(), PostError>> {
        Box::pin(async move {
            self.tally.count(self.take(&letter).await?);
            Ok(())
        })
    }
}
