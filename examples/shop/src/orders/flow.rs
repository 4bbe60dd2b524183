//! The life of an order, from the moment it is received to the parcel: a process manager.
//!
//! ```text
//! OrderReceived ─► ReserveGoods ─► GoodsReserved | BackOrderFulfilled ─┐
//!       └────────► RetrievePayment ─► PaymentReceived ────────────────┴─► FetchGoods ─► ShipGoods ─► done
//!                         └─► card wanted ─► 7 days ─► PaymentFailed ─► CancelOrder ─► goods and money back
//! ```
//!
//! A cancellation that this process asks for is refused only where the order was shipped. Then it was paid, and
//! all of its goods were fetched, so nothing here asks for one. If it happens all the same, somebody has shipped
//! by hand: there is no method for that refusal, and the order is parked until a human has looked at it.

use super::order::{
    BackOrder, CancelOrder, CompleteOrder, Line, OrderCancelled, OrderCompleted, OrderId, OrderReceived,
    OrderShipped, ShipGoods,
};
use super::payment::{
    CancelPayment, CustomerAskedToUpdateCard, FailPayment, PaymentFailed, PaymentReceived, RetrievePayment,
};
use super::stock::{
    ArticleNumber, BackOrderCreated, BackOrderFulfilled, FetchGoods, GoodsFetched, GoodsReserved,
    HandOverGoods, ReleaseGoods, ReserveGoods,
};
use es_core::prelude::*;
use std::time::Duration;

/// How long a customer has to name another card.
pub const TIME_TO_PAY: Duration = Duration::from_hours(7 * 24);

/// What has to come together for one order.
#[reactor(key = OrderId)]
pub struct OrderFlow {
    articles: Vec<ArticleNumber>,
    reserved: usize,
    fetched: usize,
    is_paid: bool,
    is_late: bool,
    is_cancelled: bool,
}

#[reactor]
impl OrderFlow {
    fn received(&mut self, e: &OrderReceived, order: &OrderId) -> (Vec<ReserveGoods>, RetrievePayment) {
        let reserve = |line: &Line| ReserveGoods {
            article: line.article.clone().into(),
            order: order.clone(),
            quantity: line.quantity,
        };
        let goods: Vec<_> = e.lines.iter().map(reserve).collect();
        self.articles = goods.iter().map(|goods| goods.article.clone()).collect();
        (goods, RetrievePayment { order: order.clone(), amount: e.total, card: e.card.clone() })
    }

    #[key(&e.order)]
    fn reserved(&mut self, e: &GoodsReserved) -> Vec<FetchGoods> {
        self.reserved += 1;
        self.fetch(&e.order)
    }

    #[key(&e.order)]
    fn back_ordered(&mut self, e: &BackOrderCreated, article: &ArticleNumber) -> BackOrder {
        BackOrder { order: e.order.clone(), article: article.to_string() }
    }

    #[key(&e.order)]
    fn fulfilled(&mut self, e: &BackOrderFulfilled) -> Vec<FetchGoods> {
        self.reserved += 1;
        self.fetch(&e.order)
    }

    fn paid(&mut self, _: &PaymentReceived, order: &OrderId) -> (CancelTimer, Vec<FetchGoods>) {
        self.is_paid = true;
        (CancelTimer("payment"), self.fetch(order))
    }

    /// The time to pay counts from the first card that was declined.
    fn card_wanted(&mut self, _: &CustomerAskedToUpdateCard, order: &OrderId) -> Option<Timer<FailPayment>> {
        let is_first = !std::mem::replace(&mut self.is_late, true);
        let fail = FailPayment { order: order.clone() };
        is_first.then(|| Timer::after(TIME_TO_PAY, fail).named("payment"))
    }

    fn not_paid(&mut self, _: &PaymentFailed, order: &OrderId) -> CancelOrder {
        CancelOrder { order: order.clone(), reason: "it was not paid".to_owned() }
    }

    #[key(&e.order)]
    fn fetched(&mut self, e: &GoodsFetched) -> Option<ShipGoods> {
        self.fetched += 1;
        (self.fetched == self.articles.len()).then(|| ShipGoods { order: e.order.clone() })
    }

    fn shipped(&mut self, _: &OrderShipped, order: &OrderId) -> (Vec<HandOverGoods>, CompleteOrder) {
        let hand_over =
            |article: &ArticleNumber| HandOverGoods { article: article.clone(), order: order.clone() };
        (self.articles.iter().map(hand_over).collect(), CompleteOrder { order: order.clone() })
    }

    fn cancelled(
        &mut self,
        _: &OrderCancelled,
        order: &OrderId,
    ) -> (CancelTimer, Vec<ReleaseGoods>, CancelPayment) {
        self.is_cancelled = true;
        (CancelTimer("payment"), self.release(order), CancelPayment { order: order.clone() })
    }

    /// Somebody has taken the goods away, so there is nothing to ship. If that was a cancellation, this is a
    /// second one, which changes nothing.
    fn not_fetched(&mut self, _: &Refused<FetchGoods>, order: &OrderId) -> CancelOrder {
        CancelOrder { order: order.clone(), reason: "the goods are gone".to_owned() }
    }

    /// It was cancelled while the goods were on their way to the parcel: back onto the shelf.
    fn not_shipped(&mut self, _: &Refused<ShipGoods>, order: &OrderId) -> Vec<ReleaseGoods> {
        self.release(order)
    }

    fn completed(self, _: &OrderCompleted) {}
}

impl OrderFlow {
    /// Once everything is there and paid.
    fn fetch(&self, order: &OrderId) -> Vec<FetchGoods> {
        if self.reserved < self.articles.len() || !self.is_paid || self.is_cancelled {
            return Vec::new();
        }
        let fetch = |article: &ArticleNumber| FetchGoods { article: article.clone(), order: order.clone() };
        self.articles.iter().map(fetch).collect()
    }

    fn release(&self, order: &OrderId) -> Vec<ReleaseGoods> {
        let release =
            |article: &ArticleNumber| ReleaseGoods { article: article.clone(), order: order.clone() };
        self.articles.iter().map(release).collect()
    }
}
