//! A promotional offer at the second article in a cart: a reactor with a memory of its own, and one that
//! shows the offer.

use crate::kit::recorded;
use es_core::prelude::*;
use std::sync::{Arc, Mutex};

#[event]
pub struct ArticleAdded {
    pub sku: String,
}
#[event]
pub struct ArticleRemoved {
    pub sku: String,
}
#[event]
pub struct PromotionalOfferDisplayed;

#[command(Basket)]
pub struct AddArticle {
    #[id]
    pub cart: String,
    pub sku: String,
}
#[command(Basket)]
pub struct RemoveArticle {
    #[id]
    pub cart: String,
    pub sku: String,
}
#[command(Basket)]
pub struct RecordOffer {
    #[id]
    pub cart: String,
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Basket {
    articles: Vec<String>,
}

#[applier]
impl Basket {
    fn added(&mut self, e: &ArticleAdded) {
        self.articles.push(e.sku.clone());
    }
    fn removed(&mut self, e: &ArticleRemoved) {
        if let Some(at) = self.articles.iter().position(|sku| *sku == e.sku) {
            self.articles.remove(at);
        }
    }
    fn offered(&mut self, _: &PromotionalOfferDisplayed) {}
}

#[command_handler]
impl Basket {
    fn add(&self, command: AddArticle) -> ArticleAdded {
        ArticleAdded { sku: command.sku }
    }
    fn remove(&self, command: RemoveArticle) -> ArticleRemoved {
        ArticleRemoved { sku: command.sku }
    }
    fn offer(&self, _: RecordOffer) -> PromotionalOfferDisplayed {
        PromotionalOfferDisplayed
    }
}

/// Counts the articles of each cart, and has the offer recorded once.
#[reactor(key = String)]
pub struct Promotion {
    articles: u32,
    offered: bool,
}

#[reactor]
impl Promotion {
    fn added(&mut self, _: &ArticleAdded, cart: &String) -> Option<RecordOffer> {
        self.articles += 1;
        let due = self.articles == 2 && !self.offered;
        self.offered |= due;
        due.then(|| RecordOffer { cart: cart.clone() })
    }
    fn removed(&mut self, _: &ArticleRemoved) {
        self.articles -= 1;
    }
}

/// The next version of it, which offers with the first article. Its memory is made anew.
mod next {
    use super::{ArticleAdded, RecordOffer};
    use es_core::prelude::*;

    #[reactor(key = String, version = 2)]
    pub struct Promotion {
        offered: bool,
    }

    #[reactor]
    impl Promotion {
        fn added(&mut self, _: &ArticleAdded, cart: &String) -> Option<RecordOffer> {
            let due = !std::mem::replace(&mut self.offered, true);
            due.then(|| RecordOffer { cart: cart.clone() })
        }
    }
}

/// Where offers are shown; it keeps the key of each.
#[derive(Default)]
pub struct Screen(Mutex<Vec<Uuid>>);

impl Screen {
    fn shown(&self) -> Vec<Uuid> {
        self.0.lock().unwrap().clone()
    }
}

/// Shows what was recorded.
#[reactor]
pub struct DisplayOffer;

#[reactor]
impl DisplayOffer {
    fn offered(&self, _: &PromotionalOfferDisplayed, cx: &Context<Self>, screen: &Screen) {
        screen.0.lock().unwrap().push(cx.new_id());
    }
}

struct Shop {
    app: App,
    screen: Arc<Screen>,
}

async fn shop(store: impl EventStore) -> Shop {
    let screen = Arc::new(Screen::default());
    let app = App::builder(store)
        .aggregate::<Basket>()
        .reactor::<Promotion>()
        .reactor::<DisplayOffer>()
        .service::<Screen>(screen.clone())
        .build()
        .await
        .unwrap();
    Shop { app, screen }
}

impl Shop {
    async fn add(&self, cart: &str, sku: &str) {
        self.app.execute(AddArticle { cart: cart.into(), sku: sku.into() }).await.unwrap();
        self.app.drain().await.unwrap();
    }
    async fn remove(&self, cart: &str, sku: &str) {
        self.app.execute(RemoveArticle { cart: cart.into(), sku: sku.into() }).await.unwrap();
        self.app.drain().await.unwrap();
    }
    async fn history(&self, cart: &str) -> Vec<Recorded<BasketEvent>> {
        self.app.history::<Basket>(&cart.to_owned()).await.unwrap()
    }
    async fn offers(&self, cart: &str) -> usize {
        let history = self.history(cart).await;
        history.iter().filter(|e| matches!(e.data, BasketEvent::PromotionalOfferDisplayed(_))).count()
    }
}

on_every_store! {
    ac_01_the_second_article_brings_the_offer,
    ac_02_one_article_brings_none,
    ac_03_the_offer_comes_once,
    ac_04_what_was_done_is_not_done_again,
    ac_04_a_memory_that_is_made_anew_offers_nothing_and_knows_everything,
}

async fn ac_01_the_second_article_brings_the_offer(store: impl EventStore) {
    let shop = shop(store).await;
    shop.add("1", "A").await;
    shop.add("1", "B").await;
    let history = shop.history("1").await;
    assert_eq!((history.len(), shop.offers("1").await, shop.screen.shown().len()), (3, 1, 1));
    let (second, offer) = (&history[1].envelope, &history[2].envelope);
    assert_eq!(offer.metadata.causation_id, Some(second.id));
    assert_eq!(offer.metadata.correlation_id, second.metadata.correlation_id);
}

async fn ac_02_one_article_brings_none(store: impl EventStore + Clone) {
    let shop = shop(store.clone()).await;
    shop.add("1", "A").await;
    assert_eq!((recorded(&store).await, shop.screen.shown().len()), (1, 0));
}

async fn ac_03_the_offer_comes_once(store: impl EventStore) {
    let shop = shop(store).await;
    for sku in ["A", "B", "C"] {
        shop.add("1", sku).await;
    }
    shop.remove("1", "C").await;
    shop.remove("1", "B").await;
    shop.add("1", "B").await;
    assert_eq!((shop.offers("1").await, shop.screen.shown().len()), (1, 1));
    // The articles of two carts are not counted together.
    shop.add("2", "A").await;
    shop.add("3", "A").await;
    assert_eq!(shop.offers("2").await + shop.offers("3").await, 0);
}

async fn ac_04_what_was_done_is_not_done_again(store: impl EventStore + Clone) {
    let first = shop(store.clone()).await;
    first.add("1", "A").await;
    first.add("1", "B").await;
    let before = recorded(&store).await;
    // Another process, which knows nothing but the store.
    let again = shop(store.clone()).await;
    again.app.drain().await.unwrap();
    assert_eq!((recorded(&store).await, again.screen.shown().len()), (before, 0));
    // The memory of the cart is there: no third article brings an offer.
    again.add("1", "C").await;
    assert_eq!(again.offers("1").await, 1);
}

async fn ac_04_a_memory_that_is_made_anew_offers_nothing_and_knows_everything(
    store: impl EventStore + Clone,
) {
    let before = shop(store.clone()).await;
    before.add("1", "A").await;
    before.add("1", "B").await;
    before.add("2", "A").await;
    let events = recorded(&store).await;

    let screen = Arc::new(Screen::default());
    let app = App::builder(store.clone())
        .aggregate::<Basket>()
        .reactor::<next::Promotion>()
        .reactor::<DisplayOffer>()
        .service::<Screen>(screen.clone())
        .build()
        .await
        .unwrap();
    let after = Shop { app, screen };
    after.app.drain().await.unwrap();
    assert_eq!((recorded(&store).await, after.screen.shown().len()), (events, 0));
    // What it would have offered in the past is past.
    for cart in ["1", "2", "3"] {
        after.add(cart, "C").await;
    }
    let offers = (after.offers("1").await, after.offers("2").await, after.offers("3").await);
    assert_eq!(offers, (1, 0, 1));
}
