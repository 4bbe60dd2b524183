//! What others may know of a purchase.

use super::cart::CartId;
use super::purchase::{CancellationWanted, CardReplaced, PurchaseStarted};
use crate::public::{self, Letter, Post, PostError};
use es_core::prelude::*;

/// Hands the public form of events over. A letter that does not arrive is sent again, under the same key.
#[reactor(name = "publishes_purchases", retry(max = 20, backoff = "20ms..10s"))]
pub struct Publishes;

#[reactor]
impl Publishes {
    async fn started(
        &self,
        e: &PurchaseStarted,
        cart: &CartId,
        cx: &Context<Self>,
        post: &dyn Post,
    ) -> Result<(), PostError> {
        let line = |item: &super::cart::Item| public::Line {
            article: item.article.clone(),
            quantity: item.quantity,
        };
        let event = public::CheckedOut {
            cart: cart.to_string(),
            customer: e.customer.clone(),
            email: e.email.clone(),
            card: e.card.clone(),
            lines: e.items.iter().map(line).collect(),
            total: e.items.iter().map(|item| u64::from(item.quantity) * item.price).sum(),
        };
        post.deliver(Letter::of(cx.new_id(), &event)?).await
    }

    async fn card_replaced(
        &self,
        e: &CardReplaced,
        cart: &CartId,
        cx: &Context<Self>,
        post: &dyn Post,
    ) -> Result<(), PostError> {
        let event = public::CardGiven { cart: cart.to_string(), card: e.card.clone() };
        post.deliver(Letter::of(cx.new_id(), &event)?).await
    }

    async fn cancellation_wanted(
        &self,
        _: &CancellationWanted,
        cart: &CartId,
        cx: &Context<Self>,
        post: &dyn Post,
    ) -> Result<(), PostError> {
        let event = public::CancelWanted { cart: cart.to_string() };
        post.deliver(Letter::of(cx.new_id(), &event)?).await
    }
}
