//! The stock of an article: what is there, for whom it is kept, and who waits for it.

use super::order::OrderId;
use es_core::prelude::*;
use std::collections::BTreeMap;

/// The number of an article.
#[aggregate_id]
pub struct ArticleNumber(String);

/// Goods have arrived.
#[event]
pub struct StockReceived {
    pub quantity: u32,
}

/// Goods are kept for an order.
#[event]
pub struct GoodsReserved {
    pub order: OrderId,
    pub quantity: u32,
}

/// There are fewer than an order asks for.
#[event]
pub struct ItemOutOfStock {
    pub available: u32,
}

/// An order waits for goods.
#[event]
pub struct BackOrderCreated {
    pub order: OrderId,
    pub quantity: u32,
}

/// Goods that have arrived are kept for an order that waited.
#[event]
pub struct BackOrderFulfilled {
    pub order: OrderId,
    pub quantity: u32,
}

/// An order waits no more.
#[event]
pub struct BackOrderDropped {
    pub order: OrderId,
    pub quantity: u32,
}

/// Goods were taken from their shelf.
#[event]
pub struct GoodsFetched {
    pub order: OrderId,
    pub quantity: u32,
}

/// Goods that were kept for an order are free again.
#[event]
pub struct GoodsReleased {
    pub order: OrderId,
    pub quantity: u32,
}

/// Goods have left with a parcel.
#[event]
pub struct GoodsShipped {
    pub order: OrderId,
    pub quantity: u32,
}

#[command(Stock)]
pub struct ReceiveStock {
    #[id]
    pub article: ArticleNumber,
    pub quantity: u32,
}

#[command(Stock)]
pub struct ReserveGoods {
    #[id]
    pub article: ArticleNumber,
    pub order: OrderId,
    pub quantity: u32,
}

#[command(Stock)]
pub struct FetchGoods {
    #[id]
    pub article: ArticleNumber,
    pub order: OrderId,
}

#[command(Stock)]
pub struct ReleaseGoods {
    #[id]
    pub article: ArticleNumber,
    pub order: OrderId,
}

#[command(Stock)]
pub struct HandOverGoods {
    #[id]
    pub article: ArticleNumber,
    pub order: OrderId,
}

/// Why the warehouse says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// No lorry brings that many, and no shelf holds them.
    #[error("{0} are more than there is room for")]
    TooMany(u32),
    /// Only what is kept for an order can be fetched for it.
    #[error("nothing is kept for order {0}")]
    NotReserved(OrderId),
}

/// Goods that are kept for an order.
#[value]
#[derive(Copy, Eq)]
pub struct Kept {
    pub quantity: u32,
    /// Whether they are off their shelf.
    pub fetched: bool,
}

/// An order that waits for goods.
#[value]
#[derive(Eq)]
pub struct Waiting {
    pub order: OrderId,
    pub quantity: u32,
}

/// How many of an article may come at once, and how many there may be.
pub const ROOM: u32 = 1_000_000;

/// The stock of one article.
#[aggregate(id = ArticleNumber, default)]
#[derive(Default)]
pub struct Stock {
    pub available: u32,
    pub kept: BTreeMap<OrderId, Kept>,
    /// The oldest first.
    pub waiting: Vec<Waiting>,
}

#[applier]
impl Stock {
    fn received(&mut self, e: &StockReceived) {
        self.available += e.quantity;
    }

    fn reserved(&mut self, e: &GoodsReserved) {
        self.keep(&e.order, e.quantity);
    }

    fn out_of_stock(&mut self, _: &ItemOutOfStock) {}

    fn back_ordered(&mut self, e: &BackOrderCreated) {
        self.waiting.push(Waiting { order: e.order.clone(), quantity: e.quantity });
    }

    fn fulfilled(&mut self, e: &BackOrderFulfilled) {
        self.waiting.retain(|waiting| waiting.order != e.order);
        self.keep(&e.order, e.quantity);
    }

    fn dropped(&mut self, e: &BackOrderDropped) {
        self.waiting.retain(|waiting| waiting.order != e.order);
    }

    fn fetched(&mut self, e: &GoodsFetched) {
        if let Some(kept) = self.kept.get_mut(&e.order) {
            kept.fetched = true;
        }
    }

    fn released(&mut self, e: &GoodsReleased) {
        self.kept.remove(&e.order);
        self.available += e.quantity;
    }

    fn shipped(&mut self, e: &GoodsShipped) {
        self.kept.remove(&e.order);
    }
}

impl Stock {
    fn keep(&mut self, order: &OrderId, quantity: u32) {
        self.available -= quantity;
        self.kept.insert(order.clone(), Kept { quantity, fetched: false });
    }

    /// How many are in the house, for whomever they are.
    fn held(&self) -> u32 {
        self.kept.values().fold(self.available, |held, kept| held.saturating_add(kept.quantity))
    }

    /// Whether there is an answer for this order already.
    fn knows(&self, order: &OrderId) -> bool {
        self.kept.contains_key(order) || self.waiting.iter().any(|waiting| waiting.order == *order)
    }
}

/// Gives what is there to those who wait, the oldest first. Nobody is passed over, or an order of many might
/// wait for ever.
fn serve(draft: &mut Draft<Stock>) {
    while let Some(Waiting { order, quantity }) = draft.state().waiting.first().cloned() {
        if quantity > draft.state().available {
            return;
        }
        draft.raise(BackOrderFulfilled { order, quantity });
    }
}

#[command_handler]
impl Stock {
    #[validate]
    fn fits(command: &ReceiveStock) -> Result<(), StockError> {
        if command.quantity > ROOM { Err(StockError::TooMany(command.quantity)) } else { Ok(()) }
    }

    fn receive(&self, command: ReceiveStock, cx: &Context<Self>) -> Result<Draft<Self>, StockError> {
        if command.quantity > ROOM.saturating_sub(self.held()) {
            return Err(StockError::TooMany(command.quantity));
        }
        let mut draft = cx.draft(self);
        draft.raise(StockReceived { quantity: command.quantity });
        serve(&mut draft);
        Ok(draft)
    }

    fn reserve(
        &self,
        command: ReserveGoods,
    ) -> (Option<GoodsReserved>, Option<(ItemOutOfStock, BackOrderCreated)>) {
        let ReserveGoods { order, quantity, .. } = command;
        if self.knows(&order) {
            return (None, None);
        }
        // Whoever has waited longer comes first, even if there are some.
        if quantity <= self.available && self.waiting.is_empty() {
            (Some(GoodsReserved { order, quantity }), None)
        } else {
            let out_of_stock = ItemOutOfStock { available: self.available };
            (None, Some((out_of_stock, BackOrderCreated { order, quantity })))
        }
    }

    fn fetch(&self, command: FetchGoods) -> Result<Option<GoodsFetched>, StockError> {
        match self.kept.get(&command.order) {
            None => Err(StockError::NotReserved(command.order)),
            Some(Kept { fetched: true, .. }) => Ok(None),
            Some(Kept { quantity, .. }) => {
                Ok(Some(GoodsFetched { order: command.order, quantity: *quantity }))
            }
        }
    }

    /// Whatever the order has here, it has no more.
    fn release(&self, command: ReleaseGoods, cx: &Context<Self>) -> Draft<Self> {
        let mut draft = cx.draft(self);
        let order = command.order;
        if let Some(Kept { quantity, .. }) = self.kept.get(&order) {
            draft.raise(GoodsReleased { order, quantity: *quantity });
        } else if let Some(waiting) = self.waiting.iter().find(|waiting| waiting.order == order) {
            draft.raise(BackOrderDropped { order, quantity: waiting.quantity });
        }
        serve(&mut draft);
        draft
    }

    fn hand_over(&self, command: HandOverGoods) -> Option<GoodsShipped> {
        let kept = self.kept.get(&command.order)?;
        Some(GoodsShipped { order: command.order, quantity: kept.quantity })
    }
}
