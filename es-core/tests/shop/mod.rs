//! Reactors of every shape, around a cart.

use es_core::prelude::*;
use std::sync::Mutex;
use std::time::Duration;

#[aggregate_id]
pub struct CartId(pub String);

#[event(name = "cart.added")]
pub struct Added {
    pub price: u64,
    pub tags: Vec<String>,
}
#[event]
pub struct Bought;

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CartError {
    #[error("the cart is full")]
    Full,
}

#[command(Cart)]
pub struct OfferPromotion {
    #[id]
    pub cart: CartId,
    pub worth: u64,
}
#[command(Cart)]
pub struct Remind {
    #[id]
    pub cart: CartId,
}

#[aggregate(id = CartId, default)]
#[derive(Default)]
pub struct Cart;

#[applier]
impl Cart {
    fn added(&mut self, _: &Added) {}
    fn bought(&mut self, _: &Bought) {}
}

#[command_handler]
impl Cart {
    fn offer(_: Option<&Self>, command: OfferPromotion) -> Result<Added, CartError> {
        if command.worth > 10 {
            return Err(CartError::Full);
        }
        Ok(Added { price: 0, tags: Vec::new() })
    }
    fn remind(_: Option<&Self>, _: Remind) {}
}

#[reactor(key = CartId, version = 2, from = start, on_failure = skip)]
pub struct Offer {
    pub articles: u32,
    pub offered: bool,
}

#[reactor]
impl Offer {
    fn added(&mut self, _: &Added, cart: &CartId) -> Option<OfferPromotion> {
        self.articles += 1;
        self.offered = self.articles == 3;
        self.offered.then(|| OfferPromotion { cart: cart.clone(), worth: 1 })
    }
    fn bought(self, _: &Bought, env: &Envelope) -> Result<OfferPromotion, IdError> {
        Ok(OfferPromotion { cart: env.stream_id()?, worth: env.version })
    }
    fn refused(&mut self, refused: &Refused<OfferPromotion>) -> Remind {
        self.offered = false;
        Remind { cart: refused.command.cart.clone() }
    }
}

/// One state for all carts.
#[reactor(key = ())]
pub struct Total {
    pub worth: u64,
}

#[reactor]
impl Total {
    fn added(&mut self, e: &Added) {
        self.worth += e.price;
    }
}

#[reactor(key = CartId)]
pub struct Reminder;

#[reactor]
impl Reminder {
    fn added(&mut self, _: &Added, cart: &CartId) -> (Timer<Remind>, Timer<Remind>) {
        let remind = || Remind { cart: cart.clone() };
        let hour = Duration::from_hours(1);
        (Timer::after(hour, remind()).named("remind"), Timer::at(Timestamp::UNIX_EPOCH, remind()))
    }
    fn bought(self, _: &Bought, cart: &CartId) -> (CancelTimer, Vec<OfferPromotion>) {
        let offer = |worth| OfferPromotion { cart: cart.clone(), worth };
        (CancelTimer("remind"), vec![offer(1), offer(2)])
    }
}

#[reactor(key = CartId)]
pub struct Mixed;

#[reactor]
impl Mixed {
    fn added(&mut self, e: &Added, cart: &CartId) -> Commands {
        let remind = || Remind { cart: cart.clone() };
        let mut commands = Commands::new().and(OfferPromotion { cart: cart.clone(), worth: e.price });
        commands.add((CancelTimer("old"), Timer::at(Timestamp::UNIX_EPOCH, remind())));
        commands.add(Some(remind()));
        commands
    }
}

/// Every form of a key, and keys beside ids.
#[reactor(key = u64)]
pub struct ByNumber;

#[reactor]
impl ByNumber {
    #[key(e.price)]
    fn plain(&mut self, e: &Added) {}
    #[key(&e.price)]
    fn borrowed(&mut self, e: &Added) {}
    #[key(e.price.is_multiple_of(2).then_some(e.price / 2))]
    fn perhaps(&mut self, e: &Added) {}
    #[key(e.tags.iter().map(|tag| tag.len() as u64).collect::<Vec<_>>())]
    fn each(&mut self, e: &Added) {}
    #[key(env.version)]
    fn by_envelope(&mut self, _: &Added, cart: &CartId, env: &Envelope, number: &u64) -> OfferPromotion {
        OfferPromotion { cart: cart.clone(), worth: env.version + number }
    }
    #[key(event.position.0)]
    fn raw(&mut self, event: &RawEvent) {}
    fn streams(&mut self, _: &Added) {}
}

pub trait Mailer: Send + Sync {
    fn send(&self, text: String) -> BoxFuture<'_, Result<(), MailError>>;
}

#[derive(Debug, thiserror::Error)]
#[error("no mail today")]
pub struct MailError;

/// What was sent.
#[derive(Default)]
pub struct Mailbox(Mutex<Vec<String>>);

impl Mailbox {
    pub fn sent(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Mailer for Mailbox {
    fn send(&self, text: String) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async move {
            self.0.lock().unwrap().push(text);
            Ok(())
        })
    }
}

pub struct Rates(pub u64);

#[reactor(name = "thank_you_mail", retry(max = 1))]
pub struct Mail;

#[reactor]
impl Mail {
    async fn bought(
        &self,
        _: &Bought,
        app: &App,
        cart: &CartId,
        mailer: &dyn Mailer,
        env: &Envelope,
        cx: &Context<Self>,
        rates: &Rates,
        stream: &StreamId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let known = app.load::<Cart>(cart).await?.map_or("no cart", |_| "a cart");
        let (version, rate, attempt, id) = (env.version, rates.0, cx.attempt(), cx.new_id::<Uuid>());
        let CartId(cart) = cart;
        let text =
            format!("{cart} at {stream}, version {version}, rate {rate}, attempt {attempt}, {id}, {known}");
        Ok(mailer.send(text).await?)
    }
    fn added(&self, _: &Added) -> Result<(), MailError> {
        Err(MailError)
    }
}

#[aggregate_id]
pub struct Seat {
    pub row: String,
    pub number: u16,
}

/// Asks for the id of another aggregate.
#[reactor]
pub struct Seats;

#[reactor]
impl Seats {
    fn seat(&self, _: &Added, seat: &Seat) -> Option<Remind> {
        (seat.number == 0).then(|| Remind { cart: CartId(seat.row.clone()) })
    }
}

/// Another reactor under the name of one that there is.
pub mod twin {
    #[es_core::reactor(name = "seats")]
    pub struct Rows;
    #[es_core::reactor]
    impl Rows {
        fn added(&self, _: &super::Added) {}
    }
}
