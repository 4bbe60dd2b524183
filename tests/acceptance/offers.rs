//! A cart with two articles in it is made an offer: a reactor that remembers, and issues a command.

use super::at_every_place;
use es_core::prelude::*;
use std::time::Duration;
use tests::place::Anywhere;
use tokio::time::timeout;

#[aggregate_id]
pub struct CartId(String);

#[event]
pub struct Taken {
    pub article: String,
}
#[event]
pub struct PutBack {
    pub article: String,
}
#[event]
pub struct Offered {}

#[command(Cart)]
pub struct Take {
    #[id]
    pub cart: CartId,
    pub article: String,
}
#[command(Cart)]
pub struct PutOneBack {
    #[id]
    pub cart: CartId,
    pub article: String,
}
#[command(Cart)]
pub struct Offer {
    #[id]
    pub cart: CartId,
}

#[aggregate(id = CartId, default)]
#[derive(Default)]
pub struct Cart {
    articles: Vec<String>,
    offered: bool,
}

#[applier]
impl Cart {
    fn taken(&mut self, e: &Taken) {
        self.articles.push(e.article.clone());
    }
    fn put_back(&mut self, e: &PutBack) {
        if let Some(place) = self.articles.iter().position(|article| *article == e.article) {
            self.articles.remove(place);
        }
    }
    fn offered(&mut self, _: &Offered) {
        self.offered = true;
    }
}

#[command_handler]
impl Cart {
    fn take(&self, command: Take) -> Taken {
        Taken { article: command.article }
    }
    fn put_one_back(&self, command: PutOneBack) -> Option<PutBack> {
        self.articles.contains(&command.article).then_some(PutBack { article: command.article })
    }
    fn offer(&self, _: Offer) -> Option<Offered> {
        (!self.offered).then_some(Offered {})
    }
}

#[reactor(key = CartId)]
pub struct Promotion {
    articles: u32,
    offered: bool,
}

#[reactor]
impl Promotion {
    fn taken(&mut self, _: &Taken, cart: &CartId) -> Option<Offer> {
        self.articles += 1;
        let offers = self.articles == 2 && !self.offered;
        self.offered |= offers;
        offers.then(|| Offer { cart: cart.clone() })
    }
    fn put_back(&mut self, _: &PutBack) {
        self.articles -= 1;
    }
}

/// How full each cart is.
#[projection(key = CartId, version = 1)]
pub struct Fullness {
    articles: u32,
    offers: u32,
}

#[projection]
impl Fullness {
    fn taken(&mut self, _: &Taken) {
        self.articles += 1;
    }
    fn put_back(&mut self, _: &PutBack) {
        self.articles -= 1;
    }
    fn offered(&mut self, _: &Offered) {
        self.offers += 1;
    }
}

async fn app(place: &Anywhere) -> App {
    let builder = App::builder(place.open().await).aggregate::<Cart>();
    builder.reactor::<Promotion>().projection::<Fullness>().build().await.unwrap()
}

fn cart(name: &str) -> CartId {
    CartId(name.to_owned())
}

async fn takes(app: &App, name: &str, articles: &[&str]) {
    for article in articles {
        app.execute(Take { cart: cart(name), article: (*article).to_owned() }).await.unwrap();
    }
}

async fn offers(app: &App, name: &str) -> Vec<Recorded<CartEvent>> {
    let mut history = app.history::<Cart>(&cart(name)).await.unwrap();
    history.retain(|recorded| matches!(recorded.data, CartEvent::Offered(_)));
    history
}

async fn fullness(app: &App, name: &str) -> Option<Fullness> {
    app.document::<Fullness>(&cart(name)).await.unwrap()
}

at_every_place! {
    the_second_article_brings_one_offer,
    every_cart_has_its_document,
    a_rebuild_offers_nothing,
    whoever_comes_later_offers_nothing_again,
    an_app_that_runs_offers_by_itself,
}

async fn the_second_article_brings_one_offer(place: Anywhere) {
    let app = app(&place).await;
    takes(&app, "ann", &["mug", "lamp", "book"]).await;
    takes(&app, "bob", &["mug"]).await;
    app.drain().await.unwrap();
    let made = offers(&app, "ann").await;
    let second = app.history::<Cart>(&cart("ann")).await.unwrap()[1].envelope.id;
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].envelope.metadata.causation_id, Some(second));
    assert!(offers(&app, "bob").await.is_empty());
}

async fn every_cart_has_its_document(place: Anywhere) {
    let app = app(&place).await;
    takes(&app, "ann", &["mug", "lamp"]).await;
    app.execute(PutOneBack { cart: cart("ann"), article: "mug".into() }).await.unwrap();
    takes(&app, "bob", &["mug"]).await;
    app.drain().await.unwrap();
    assert_eq!(fullness(&app, "ann").await, Some(Fullness { articles: 1, offers: 1 }));
    assert_eq!(fullness(&app, "bob").await, Some(Fullness { articles: 1, offers: 0 }));
    assert_eq!(fullness(&app, "eve").await, None);
}

async fn a_rebuild_offers_nothing(place: Anywhere) {
    let before = app(&place).await;
    takes(&before, "ann", &["mug", "lamp", "book"]).await;
    before.drain().await.unwrap();
    let app = app(&place).await;
    app.rebuild("fullness").await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(fullness(&app, "ann").await, Some(Fullness { articles: 3, offers: 1 }));
    assert_eq!(app.history::<Cart>(&cart("ann")).await.unwrap().len(), 4);
}

async fn whoever_comes_later_offers_nothing_again(place: Anywhere) {
    let before = app(&place).await;
    takes(&before, "ann", &["mug", "lamp"]).await;
    before.drain().await.unwrap();
    let app = app(&place).await;
    app.execute(PutOneBack { cart: cart("ann"), article: "mug".into() }).await.unwrap();
    takes(&app, "ann", &["mug"]).await;
    app.drain().await.unwrap();
    assert_eq!(offers(&app, "ann").await.len(), 1);
}

async fn an_app_that_runs_offers_by_itself(place: Anywhere) {
    let app = app(&place).await;
    let running = app.start().await.unwrap();
    let filter = Filter::stream(Cart::stream(&cart("ann")));
    let mut events = app.subscribe(SubscribeFrom::Start, filter).typed::<Cart>();
    takes(&app, "ann", &["mug", "lamp"]).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = timeout(Duration::from_secs(30), events.next()).await.expect("the offer is late");
        seen.push(event.unwrap().unwrap().data);
    }
    assert!(matches!(&seen[2], CartEvent::Offered(_)), "{seen:?}");
    running.stop().await.unwrap();
}
