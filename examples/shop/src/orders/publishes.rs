//! What others may know of an order.

use super::order::{OrderBackOrdered, OrderCancelled, OrderId, OrderShipped};
use super::payment::CustomerAskedToUpdateCard;
use crate::public::{self, Letter, Post, PostError};
use es_core::prelude::*;

/// Hands the public form of events over. A letter that does not arrive is sent again, under the same key.
#[reactor(name = "publishes_orders", retry(max = 20, backoff = "20ms..10s"))]
pub struct Publishes;

#[reactor]
impl Publishes {
    async fn card_wanted(
        &self,
        _: &CustomerAskedToUpdateCard,
        order: &OrderId,
        cx: &Context<Self>,
        post: &dyn Post,
    ) -> Result<(), PostError> {
        let event = public::CardWanted { cart: order.to_string() };
        post.deliver(Letter::of(cx.new_id(), &event)?).await
    }

    async fn back_ordered(
        &self,
        e: &OrderBackOrdered,
        order: &OrderId,
        cx: &Context<Self>,
        post: &dyn Post,
    ) -> Result<(), PostError> {
        let event = public::ItemDelayed { cart: order.to_string(), article: e.article.clone() };
        post.deliver(Letter::of(cx.new_id(), &event)?).await
    }

    async fn shipped(
        &self,
        e: &OrderShipped,
        order: &OrderId,
        cx: &Context<Self>,
        post: &dyn Post,
    ) -> Result<(), PostError> {
        let event = public::OrderShipped { cart: order.to_string(), tracking: e.tracking.clone() };
        post.deliver(Letter::of(cx.new_id(), &event)?).await
    }

    async fn cancelled(
        &self,
        e: &OrderCancelled,
        order: &OrderId,
        cx: &Context<Self>,
        post: &dyn Post,
    ) -> Result<(), PostError> {
        let event = public::OrderCancelled { cart: order.to_string(), reason: e.reason.clone() };
        post.deliver(Letter::of(cx.new_id(), &event)?).await
    }
}
