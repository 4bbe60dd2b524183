//! Every receiver, every parameter, every form of a key and every return type that a reactor's method may have.
#![deny(warnings)]
use es_core::prelude::*;
use std::error::Error;
use std::time::Duration;

#[aggregate_id]
pub struct CartId(String);

#[event]
pub struct Added {
    pub price: u64,
}

#[aggregate(id = CartId, default)]
#[derive(Default)]
pub struct Cart;

#[applier]
impl Cart {
    fn added(&mut self, _: &Added) {}
}

#[command(Cart)]
pub struct Offer {
    #[id]
    pub cart: CartId,
}

#[command_handler]
impl Cart {
    fn offer(&self, _: Offer) -> Added {
        Added { price: 0 }
    }
}

#[reactor(key = CartId, inline)]
pub struct Counted {
    articles: u32,
}

#[reactor]
impl Counted {
    fn added(&mut self, _: &Added, cart: &CartId) -> (Option<Offer>, Timer<Offer>) {
        self.articles += 1;
        let offer = || Offer { cart: cart.clone() };
        ((self.articles == 2).then(offer), Timer::after(Duration::from_secs(1), offer()))
    }
}

#[reactor(key = CartId)]
pub enum Promotion {
    #[default]
    Fresh,
    Offered,
}

#[reactor]
impl Promotion {
    fn added(&mut self, _: &Added, cart: &CartId, env: &Envelope) -> Option<Offer> {
        *self = Promotion::Offered;
        (env.version > 3).then(|| Offer { cart: cart.clone() })
    }
    fn stopped(mut self, _: &RawEvent) {
        self = Promotion::Fresh;
        drop(self);
    }
    fn refused(&mut self, refused: &Refused<Offer>) -> Timer<Offer> {
        Timer::after(Duration::from_secs(1), refused.command.clone()).named("again")
    }
}

#[reactor(key = u64, name = "by_price", version = 2, from = start, on_failure = stop)]
#[derive(Clone)]
pub struct ByPrice {
    #[serde(rename = "n")]
    number: u64,
}

#[reactor]
impl ByPrice {
    #[key(e.price)]
    fn plain(&mut self, e: &Added) {
        self.number += 1;
    }
    #[key(&e.price)]
    fn borrowed(&mut self, e: &Added) -> CancelTimer {
        CancelTimer("again")
    }
    #[key(Some(env.version))]
    fn perhaps(&mut self, _: &Added, env: &Envelope) -> Result<(), IdError> {
        Ok(())
    }
    #[key(vec![e.price, env.stream_id::<u64>()?])]
    fn each(
        &mut self,
        e: &Added,
        env: &Envelope,
        price: &u64,
        cart: &CartId,
    ) -> (Vec<Offer>, Option<CancelTimer>) {
        (vec![Offer { cart: cart.clone() }; usize::from(*price > 0)], None)
    }
}

#[reactor(key = ())]
pub struct One(u64);

#[reactor]
impl One {
    fn added(&mut self, e: &Added) -> Commands {
        self.0 += e.price;
        Commands::new()
    }
}

pub trait Mailer: Send + Sync {
    fn send(&self) -> BoxFuture<'_, Result<(), Box<dyn Error + Send + Sync>>>;
}
pub struct Rates(u64);

#[reactor(retry(max = 10, backoff = "100ms..1m"), on_failure = park)]
pub struct Mail;

#[reactor]
impl Mail {
    async fn added(
        &self,
        _: &Added,
        cart: &CartId,
        mailer: &dyn Mailer,
        cx: &Context<Self>,
        app: &App,
        stream: &StreamId,
        rates: &Rates,
    ) -> Result<Option<Offer>, Box<dyn Error + Send + Sync>> {
        mailer.send().await?;
        let known = app.load::<Cart>(cart).await?.is_some();
        let first = cx.attempt() == 1 && stream.category() == "cart" && rates.0 > 0;
        Ok((known && first).then(|| Offer { cart: cart.clone() }))
    }
    fn everything(&self, _: &RawEvent) {}
    fn refused(&self, _: &Refused<Offer>) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
}

/// Generated, as by a macro of the user's.
macro_rules! mails {
    ($($name:ident takes $event:ty;)*) => {$(
        #[reactor]
        pub struct $name;
        #[reactor]
        impl $name {
            fn sent(&self, _: &$event, cart: &CartId) -> Offer {
                Offer { cart: cart.clone() }
            }
        }
    )*};
}
mails! { First takes Added; Second takes Added; }

#[test]
fn every_reactor_is_known_by_its_name() {
    let models = es_core::model();
    let names: Vec<_> = models.reactors().map(|reactor| reactor.name).collect();
    assert_eq!(names, ["by_price", "counted", "first", "mail", "one", "promotion", "second"]);
}
