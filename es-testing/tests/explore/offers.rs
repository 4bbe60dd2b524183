//! A promotion is offered once, at the second article.

use es_core::{AppBuilder, prelude::*};
use es_testing::prelude::*;

#[event]
pub struct ArticleAdded {
    pub article: String,
}
#[event]
pub struct PromotionOffered;

#[command(Cart)]
pub struct AddArticle {
    #[id]
    pub cart: String,
    pub article: String,
}
#[command(Cart)]
pub struct OfferPromotion {
    #[id]
    pub cart: String,
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Cart {
    pub offers: u32,
}

#[applier]
impl Cart {
    fn added(&mut self, _: &ArticleAdded) {}
    fn offered(&mut self, _: &PromotionOffered) {
        self.offers += 1;
    }
}

#[command_handler]
impl Cart {
    fn add(&self, command: AddArticle) -> ArticleAdded {
        ArticleAdded { article: command.article }
    }
    fn offer(&self, _: OfferPromotion) -> PromotionOffered {
        PromotionOffered
    }
}

#[reactor(key = String, from = start)]
pub struct PromotionalOffer {
    articles: u32,
    offered: bool,
}
#[reactor]
impl PromotionalOffer {
    fn added(&mut self, _: &ArticleAdded, cart: &String) -> Option<OfferPromotion> {
        self.articles += 1;
        let offers = self.articles >= 2 && !self.offered;
        self.offered |= offers;
        offers.then(|| OfferPromotion { cart: cart.clone() })
    }
}

/// How many articles are in each cart.
#[projection(key = String)]
pub struct Articles {
    pub count: u32,
}
#[projection]
impl Articles {
    fn added(&mut self, _: &ArticleAdded) {
        self.count += 1;
    }
}

fn carts<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Cart>().reactor::<PromotionalOffer>().projection::<Articles>()
}

fn add(cart: &str, article: &str) -> AddArticle {
    AddArticle { cart: cart.into(), article: article.into() }
}

#[test]
fn an_offer_is_made_once_whatever_happens() {
    let story = Story::new()
        .client(|other| other.command(add("c-1", "pen")))
        .command(add("c-1", "book"))
        .command(add("c-1", "lamp"));
    explore(carts, story)
        .invariant("a promotion is offered once", async |app| {
            app.load::<Cart>(&"c-1".to_owned()).await.map(|cart| cart.is_none_or(|cart| cart.offers <= 1))
        })
        .finally("it is offered, and three articles are counted", async |app| {
            let cart = app.load::<Cart>(&"c-1".to_owned()).await.expect("a readable stream");
            let articles = app.document::<Articles>(&"c-1".to_owned()).await.expect("a document");
            cart.is_some_and(|cart| cart.offers == 1) && articles.is_some_and(|articles| articles.count == 3)
        })
        .check();
}
