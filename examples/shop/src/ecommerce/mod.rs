//! What customers see: carts, purchases, an offer. It knows nothing of payments, stock and parcels; whatever
//! it says about them it was told.

pub mod cart;
pub mod catalogue;
pub mod inbox;
pub mod offer;
pub mod publishes;
pub mod purchase;

use cart::Cart;
use es_core::AppBuilder;
use es_core::prelude::*;
use offer::PromotionalOffer;
use publishes::Publishes;
use purchase::{Checkout, Purchase, PurchaseList};

/// Everything of this context, on any store. It needs a `dyn Post` to the other one.
pub fn ecommerce<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Cart>()
        .aggregate::<Purchase>()
        .reactor::<PromotionalOffer>()
        .reactor::<Checkout>()
        .reactor::<Publishes>()
        .projection::<PurchaseList>()
}
