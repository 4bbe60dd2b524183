//! An offer for whoever puts a second article into a cart.

use super::cart::{ArticleAdded, ArticleRemoved, CartId, CheckedOut, DisplayOffer};
use es_core::prelude::*;

/// Counts the articles of each cart, and makes one offer.
#[reactor(key = CartId)]
pub struct PromotionalOffer {
    articles: u32,
    offered: bool,
}

#[reactor]
impl PromotionalOffer {
    fn added(&mut self, _: &ArticleAdded, cart: &CartId) -> Option<DisplayOffer> {
        self.articles += 1;
        let is_time = self.articles == 2 && !self.offered;
        self.offered |= is_time;
        is_time.then(|| DisplayOffer { cart: cart.clone() })
    }

    fn removed(&mut self, _: &ArticleRemoved) {
        self.articles = self.articles.saturating_sub(1);
    }

    /// Whoever is quick has checked out before the offer came: then there is nobody to show it to.
    fn too_late(&mut self, _: &Refused<DisplayOffer>) {}

    fn bought(self, _: &CheckedOut) {}
}
