//! The bank, and who asks it for what was decided.

use super::order::OrderId;
use super::payment::{ChargeCard, CreditCardUpdated, PaymentCancelled, PaymentRequested};
use es_core::prelude::*;

/// What a bank answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The money is there.
    Accepted,
    /// It is not, and this card will not give it.
    Declined,
}

/// A bank that takes money from cards.
pub trait Cards: Send + Sync {
    /// Takes money from a card; once, however often it is asked under the same key.
    fn charge(&self, card: &str, cents: u64, key: Uuid) -> BoxFuture<'_, Charge>;
    /// Gives back what was taken under this key, if anything was, and takes nothing under it from then on.
    fn void(&self, key: Uuid) -> BoxFuture<'_, ()>;
}

/// A bank for stories and tests: it declines every card whose number ends with `0002`.
#[derive(Debug, Default)]
pub struct TestCards;

impl Cards for TestCards {
    fn charge(&self, card: &str, _: u64, _: Uuid) -> BoxFuture<'_, Charge> {
        let answer = if card.ends_with("0002") { Charge::Declined } else { Charge::Accepted };
        Box::pin(async move { answer })
    }

    fn void(&self, _: Uuid) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Asks the bank for what is written down. When the process ends before it is noted that it was asked, it is
/// asked again, with the same keys.
#[reactor]
pub struct Bank;

#[reactor]
impl Bank {
    fn requested(&self, e: &PaymentRequested, order: &OrderId) -> ChargeCard {
        ChargeCard { order: order.clone(), card: e.card.clone() }
    }

    fn card_updated(&self, e: &CreditCardUpdated, order: &OrderId) -> ChargeCard {
        ChargeCard { order: order.clone(), card: e.card.clone() }
    }

    async fn cancelled(&self, e: &PaymentCancelled, cards: &dyn Cards) {
        if let Some(charge) = e.charge {
            cards.void(charge).await;
        }
    }
}
