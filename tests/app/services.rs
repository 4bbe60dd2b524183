//! Services: found by type, and able to use the app that they serve.

use crate::kit::Place;
use es_core::prelude::*;
use std::sync::{Arc, Weak};

on_every_store! {
    a_service_made_from_the_app_can_use_it
    dropping_the_app_lets_its_services_go
    a_later_service_of_one_type_replaces_the_earlier
}

#[event]
pub struct RateSet {
    pub rate: u32,
}
#[event]
pub struct Exchanged {
    pub amount: u32,
}
#[command(Desk)]
pub struct SetRate {
    #[id]
    pub desk: String,
    pub rate: u32,
}
#[command(Desk)]
pub struct Exchange {
    #[id]
    pub desk: String,
    pub amount: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("nothing is exchanged for nothing")]
pub struct ForNothing;

/// What one unit is worth.
pub trait Rates: Send + Sync {
    fn now(&self) -> BoxFuture<'_, u32>;
}

/// Knows the rate from the desk in Frankfurt.
pub struct LiveRates {
    app: App,
}

impl Rates for LiveRates {
    fn now(&self) -> BoxFuture<'_, u32> {
        Box::pin(async {
            // Counts the question, so that it is a command, too.
            let rate = self.app.load::<Desk>(&frankfurt()).await.unwrap().map_or(0, |desk| desk.rate);
            self.app.execute(SetRate { desk: frankfurt(), rate: rate + 1 }).await.unwrap();
            rate
        })
    }
}

pub struct Fixed(u32);

impl Rates for Fixed {
    fn now(&self) -> BoxFuture<'_, u32> {
        Box::pin(std::future::ready(self.0))
    }
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Desk {
    rate: u32,
    exchanged: u32,
}

#[applier]
impl Desk {
    fn rate_set(&mut self, e: &RateSet) {
        self.rate = e.rate;
    }
    fn exchanged(&mut self, e: &Exchanged) {
        self.exchanged += e.amount;
    }
}

#[command_handler]
impl Desk {
    fn set_rate(&self, command: SetRate) -> Result<RateSet, ForNothing> {
        if command.rate == 0 { Err(ForNothing) } else { Ok(RateSet { rate: command.rate }) }
    }
    #[retry(max = 0)]
    async fn exchange(&self, command: Exchange, rates: &dyn Rates) -> Exchanged {
        Exchanged { amount: command.amount * rates.now().await }
    }
}

fn frankfurt() -> String {
    "frankfurt".to_owned()
}

fn paris() -> String {
    "paris".to_owned()
}

async fn a_service_made_from_the_app_can_use_it(place: Place) {
    let app = App::builder(place.open().await)
        .aggregate::<Desk>()
        .service_with::<dyn Rates>(|app| Arc::new(LiveRates { app }))
        .build()
        .await
        .unwrap();
    app.execute(SetRate { desk: frankfurt(), rate: 7 }).await.unwrap();
    let done = app.execute(Exchange { desk: paris(), amount: 10 }).await.unwrap();
    assert_eq!(done.state.unwrap().exchanged, 70);
    assert_eq!(app.load::<Desk>(&frankfurt()).await.unwrap().unwrap().rate, 8);
    // A group calls it as well.
    app.execute_all((Exchange { desk: paris(), amount: 1 },)).await.unwrap();
    assert_eq!(app.load::<Desk>(&paris()).await.unwrap().unwrap().exchanged, 78);
    // What it did stays done when the group is refused.
    let group = (Exchange { desk: paris(), amount: 1 }, SetRate { desk: paris(), rate: 0 });
    let refused = app.execute_all(group).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(_)), "{refused}");
    assert_eq!(app.load::<Desk>(&paris()).await.unwrap().unwrap().exchanged, 78);
    assert_eq!(app.load::<Desk>(&frankfurt()).await.unwrap().unwrap().rate, 10);
}

async fn dropping_the_app_lets_its_services_go(place: Place) {
    let made = Arc::new(std::sync::Mutex::new(Weak::<LiveRates>::new()));
    let seen = made.clone();
    let app = App::builder(place.open().await)
        .aggregate::<Desk>()
        .service_with::<dyn Rates>(move |app| {
            let rates = Arc::new(LiveRates { app });
            *seen.lock().unwrap() = Arc::downgrade(&rates);
            rates
        })
        .build()
        .await
        .unwrap();
    app.execute(Exchange { desk: paris(), amount: 1 }).await.unwrap();
    let clone = app.clone();
    drop(app);
    assert!(made.lock().unwrap().upgrade().is_some(), "a clone of the app keeps its services");
    drop(clone);
    assert!(made.lock().unwrap().upgrade().is_none(), "the app and its service keep each other");
}

async fn a_later_service_of_one_type_replaces_the_earlier(place: Place) {
    let app = App::builder(place.open().await)
        .aggregate::<Desk>()
        .service::<dyn Rates>(Arc::new(Fixed(1)))
        .service::<dyn Rates>(Arc::new(Fixed(2)))
        .build()
        .await
        .unwrap();
    let done = app.execute(Exchange { desk: paris(), amount: 10 }).await.unwrap();
    assert_eq!(done.state.unwrap().exchanged, 20);
}
