//! A cart: articles come and go, until it is checked out.

use super::catalogue;
use es_core::prelude::*;

/// A cart, by the name that its customer knows it under: `"ann-1"`.
#[aggregate_id]
pub struct CartId(String);

/// An article was put into the cart.
#[event]
pub struct ArticleAdded {
    pub article: String,
    /// What it cost then, in cents.
    pub price: u64,
}

/// An article was taken out again.
#[event]
pub struct ArticleRemoved {
    pub article: String,
}

/// The customer was shown an offer.
#[event]
pub struct PromotionalOfferDisplayed {}

/// The customer has bought what is in the cart.
#[event]
pub struct CheckedOut {
    pub customer: String,
    pub email: String,
    pub card: String,
    pub items: Vec<Item>,
}

/// So many of an article, at this price.
#[value]
pub struct Item {
    pub article: String,
    pub quantity: u32,
    /// Of one, in cents.
    pub price: u64,
}

#[command(Cart)]
pub struct AddArticle {
    #[id]
    pub cart: CartId,
    pub article: String,
}

#[command(Cart)]
pub struct RemoveArticle {
    #[id]
    pub cart: CartId,
    pub article: String,
}

#[command(Cart)]
pub struct DisplayOffer {
    #[id]
    pub cart: CartId,
}

#[command(Cart)]
pub struct CheckOut {
    #[id]
    pub cart: CartId,
    pub customer: String,
    pub email: String,
    pub card: String,
}

/// Why a cart says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    /// The catalogue does not have it.
    #[error("there is no article \"{0}\"")]
    UnknownArticle(String),
    /// What is not there cannot be taken out.
    #[error("there is no {0} in the cart")]
    NotInCart(String),
    /// Nothing cannot be bought.
    #[error("the cart is empty")]
    Empty,
}

/// What is in a cart, in the order in which it came.
#[aggregate(id = CartId, default)]
#[derive(Default)]
pub struct Cart {
    items: Vec<Item>,
    offered: bool,
}

#[applier]
impl Cart {
    fn added(&mut self, e: &ArticleAdded) {
        match self.items.iter_mut().find(|item| item.article == e.article) {
            Some(item) => item.quantity += 1,
            None => self.items.push(Item { article: e.article.clone(), quantity: 1, price: e.price }),
        }
    }

    fn removed(&mut self, e: &ArticleRemoved) {
        for item in &mut self.items {
            if item.article == e.article {
                item.quantity -= 1;
            }
        }
        self.items.retain(|item| item.quantity > 0);
    }

    fn offered(&mut self, _: &PromotionalOfferDisplayed) {
        self.offered = true;
    }

    fn checked_out(self, _: &CheckedOut) {}
}

#[command_handler]
impl Cart {
    fn add(&self, command: AddArticle) -> Result<ArticleAdded, CartError> {
        match catalogue::article(&command.article) {
            Some(known) => Ok(ArticleAdded { article: command.article, price: known.price }),
            None => Err(CartError::UnknownArticle(command.article)),
        }
    }

    fn remove(&self, command: RemoveArticle) -> Result<ArticleRemoved, CartError> {
        if self.items.iter().any(|item| item.article == command.article) {
            Ok(ArticleRemoved { article: command.article })
        } else {
            Err(CartError::NotInCart(command.article))
        }
    }

    fn display_offer(&self, _: DisplayOffer) -> Option<PromotionalOfferDisplayed> {
        (!self.offered).then_some(PromotionalOfferDisplayed {})
    }

    fn check_out(&self, command: CheckOut) -> Result<CheckedOut, CartError> {
        if self.items.is_empty() {
            return Err(CartError::Empty);
        }
        let CheckOut { customer, email, card, .. } = command;
        Ok(CheckedOut { customer, email, card, items: self.items.clone() })
    }
}
