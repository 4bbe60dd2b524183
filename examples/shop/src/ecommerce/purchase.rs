//! A purchase: what a customer knows of a cart that was checked out.

use super::cart::{CartId, CheckedOut, Item};
use es_core::prelude::*;
use std::collections::BTreeSet;

/// A purchase has begun.
#[event]
pub struct PurchaseStarted {
    pub customer: String,
    pub email: String,
    pub card: String,
    pub items: Vec<Item>,
}

/// The customer has to give another card.
#[event]
pub struct CardAskedFor {}

/// The customer has given another card.
#[event]
pub struct CardReplaced {
    pub card: String,
}

/// An article comes later.
#[event]
pub struct PurchaseDelayed {
    pub article: String,
}

/// The customer does not want it any more.
#[event]
pub struct CancellationWanted {}

/// It is on its way.
#[event]
pub struct PurchaseShipped {
    pub tracking: String,
}

/// It will not come.
#[event]
pub struct PurchaseCancelled {
    pub reason: String,
}

#[command(Purchase)]
pub struct StartPurchase {
    #[id]
    pub cart: CartId,
    pub customer: String,
    pub email: String,
    pub card: String,
    pub items: Vec<Item>,
}

#[command(Purchase)]
pub struct AskForCard {
    #[id]
    pub cart: CartId,
}

#[command(Purchase)]
pub struct ReplaceCard {
    #[id]
    pub cart: CartId,
    pub card: String,
}

#[command(Purchase)]
pub struct NoteDelay {
    #[id]
    pub cart: CartId,
    pub article: String,
}

#[command(Purchase)]
pub struct CancelPurchase {
    #[id]
    pub cart: CartId,
}

#[command(Purchase)]
pub struct NoteShipped {
    #[id]
    pub cart: CartId,
    pub tracking: String,
}

#[command(Purchase)]
pub struct NoteCancelled {
    #[id]
    pub cart: CartId,
    pub reason: String,
}

/// How far a purchase is, as its customer sees it.
#[value]
#[derive(Eq, Default)]
pub enum Stage {
    /// It was bought.
    #[default]
    Bought,
    /// It is on its way.
    Shipped {
        /// Where it can be followed.
        tracking: String,
    },
    /// It will not come.
    Cancelled {
        /// Why.
        reason: String,
    },
}

impl Stage {
    fn is_over(&self) -> bool {
        matches!(self, Self::Shipped { .. } | Self::Cancelled { .. })
    }
}

/// Why a purchase says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// It was shipped or cancelled.
    #[error("the purchase is over")]
    Over,
}

/// One purchase.
#[aggregate(id = CartId)]
pub struct Purchase {
    stage: Stage,
    cancelling: bool,
}

#[applier]
impl Purchase {
    fn started(_: &PurchaseStarted) -> Self {
        Self { stage: Stage::Bought, cancelling: false }
    }

    fn card_asked_for(&mut self, _: &CardAskedFor) {}

    fn card_replaced(&mut self, _: &CardReplaced) {}

    fn delayed(&mut self, _: &PurchaseDelayed) {}

    fn cancellation_wanted(&mut self, _: &CancellationWanted) {
        self.cancelling = true;
    }

    fn shipped(&mut self, e: &PurchaseShipped) {
        self.stage = Stage::Shipped { tracking: e.tracking.clone() };
    }

    fn cancelled(&mut self, e: &PurchaseCancelled) {
        self.stage = Stage::Cancelled { reason: e.reason.clone() };
    }
}

/// What customers do.
#[command_handler]
impl Purchase {
    fn start(command: StartPurchase) -> PurchaseStarted {
        let StartPurchase { customer, email, card, items, .. } = command;
        PurchaseStarted { customer, email, card, items }
    }

    fn replace_card(&self, command: ReplaceCard) -> Result<CardReplaced, PurchaseError> {
        if self.stage.is_over() {
            return Err(PurchaseError::Over);
        }
        Ok(CardReplaced { card: command.card })
    }

    fn cancel(&self, _: CancelPurchase) -> Result<Option<CancellationWanted>, PurchaseError> {
        if self.stage.is_over() {
            return Err(PurchaseError::Over);
        }
        Ok((!self.cancelling).then_some(CancellationWanted {}))
    }
}

/// What is heard from order management. Letters about different things may overtake each other, and none of
/// them changes a purchase that is over.
#[command_handler]
impl Purchase {
    fn ask_for_card(&self, _: AskForCard) -> Option<CardAskedFor> {
        (!self.stage.is_over()).then_some(CardAskedFor {})
    }

    fn note_delay(&self, command: NoteDelay) -> Option<PurchaseDelayed> {
        (!self.stage.is_over()).then_some(PurchaseDelayed { article: command.article })
    }

    fn note_shipped(&self, command: NoteShipped) -> Option<PurchaseShipped> {
        (!self.stage.is_over()).then_some(PurchaseShipped { tracking: command.tracking })
    }

    fn note_cancelled(&self, command: NoteCancelled) -> Option<PurchaseCancelled> {
        (!self.stage.is_over()).then_some(PurchaseCancelled { reason: command.reason })
    }
}

/// A cart that is checked out becomes a purchase.
#[reactor]
pub struct Checkout;

#[reactor]
impl Checkout {
    fn checked_out(&self, e: &CheckedOut, cart: &CartId) -> StartPurchase {
        let CheckedOut { customer, email, card, items } = e.clone();
        StartPurchase { cart: cart.clone(), customer, email, card, items }
    }
}

/// How far each purchase is, and what its customer should know meanwhile. A card that is needed and an article
/// that is waited for have nothing to do with each other: both may be so at once.
#[projection(key = CartId, version = 2)]
pub struct PurchaseList {
    pub customer: String,
    pub stage: Stage,
    /// Another card is needed.
    pub card_wanted: bool,
    /// The articles that come later.
    pub delayed: BTreeSet<String>,
}

#[projection]
impl PurchaseList {
    fn started(&mut self, e: &PurchaseStarted) {
        self.customer.clone_from(&e.customer);
    }

    fn card_asked_for(&mut self, _: &CardAskedFor) {
        self.card_wanted = true;
    }

    fn card_replaced(&mut self, _: &CardReplaced) {
        self.card_wanted = false;
    }

    fn delayed(&mut self, e: &PurchaseDelayed) {
        self.delayed.insert(e.article.clone());
    }

    fn shipped(&mut self, e: &PurchaseShipped) {
        self.end(Stage::Shipped { tracking: e.tracking.clone() });
    }

    fn cancelled(&mut self, e: &PurchaseCancelled) {
        self.end(Stage::Cancelled { reason: e.reason.clone() });
    }
}

impl PurchaseList {
    /// Nothing is needed or waited for any more.
    fn end(&mut self, stage: Stage) {
        self.stage = stage;
        self.card_wanted = false;
        self.delayed.clear();
    }
}
