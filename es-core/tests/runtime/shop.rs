//! A shop, with reactors as `#[reactor]` declares them, written out.

use es_core::__private as p;
use es_core::prelude::*;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[aggregate_id]
pub struct CartId(String);

impl CartId {
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

#[event]
pub struct ArticleAdded {
    pub article: String,
}
#[event]
pub struct PromotionOffered;
#[event]
pub struct CheckedOut {
    pub pieces: u32,
}
#[event]
pub struct Reminded;
#[event]
pub struct OrderCancelled {
    pub reason: String,
}

#[command(Cart)]
pub struct AddArticle {
    #[id]
    pub cart: CartId,
    pub article: String,
}
#[command(Cart)]
pub struct OfferPromotion {
    #[id]
    pub cart: CartId,
}
#[command(Cart)]
pub struct CheckOut {
    #[id]
    pub cart: CartId,
    pub pieces: u32,
}
#[command(Cart)]
pub struct Remind {
    #[id]
    pub cart: CartId,
}
#[command(Cart)]
pub struct CancelOrder {
    #[id]
    pub cart: CartId,
    pub reason: String,
}

#[aggregate(id = CartId, default)]
#[derive(Default)]
pub struct Cart {
    articles: u32,
}

#[applier]
impl Cart {
    fn added(&mut self, _: &ArticleAdded) {
        self.articles += 1;
    }
    fn offered(&mut self, _: &PromotionOffered) {}
    fn checked_out(&mut self, _: &CheckedOut) {}
    fn reminded(&mut self, _: &Reminded) {}
    fn cancelled(&mut self, _: &OrderCancelled) {}
}

#[command_handler]
impl Cart {
    fn add(&self, command: AddArticle) -> ArticleAdded {
        ArticleAdded { article: command.article }
    }
    fn offer(&self, _: OfferPromotion) -> PromotionOffered {
        PromotionOffered
    }
    fn check_out(&self, command: CheckOut) -> CheckedOut {
        CheckedOut { pieces: command.pieces }
    }
    fn remind(&self, _: Remind) -> Reminded {
        Reminded
    }
    fn cancel(&self, command: CancelOrder) -> OrderCancelled {
        OrderCancelled { reason: command.reason }
    }
}

#[event]
pub struct Reserved {
    pub pieces: u32,
}

#[event]
pub struct Restocked {
    pub pieces: u32,
}

#[command(Stock)]
pub struct Reserve {
    #[id]
    pub shelf: String,
    pub pieces: u32,
}
#[command(Stock)]
pub struct Restock {
    #[id]
    pub shelf: String,
    pub pieces: u32,
}

#[derive(thiserror::Error)]
#[error("only {left} left")]
#[value]
pub struct OutOfStock {
    left: u32,
}

/// Ten pieces on each shelf, and what is put there later.
#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Stock {
    restocked: u32,
    reserved: u32,
}

#[applier]
impl Stock {
    fn reserved(&mut self, e: &Reserved) {
        self.reserved += e.pieces;
    }
    fn restocked(&mut self, e: &Restocked) {
        self.restocked += e.pieces;
    }
}

#[command_handler]
impl Stock {
    fn reserve(&self, command: Reserve) -> Result<Reserved, OutOfStock> {
        let left = 10 + self.restocked - self.reserved;
        if command.pieces > left { Err(OutOfStock { left }) } else { Ok(Reserved { pieces: command.pieces }) }
    }
    fn restock(&self, command: Restock) -> Restocked {
        Restocked { pieces: command.pieces }
    }
}

/// What `#[reactor(..)]` says of a type.
macro_rules! reactor {
    ($ty:ident, $name:literal, $key:ty, $version:literal, $from:ident, $state:expr, $max:literal, $on_failure:ident) => {
        impl p::Surrounded for $ty {
            type Around = p::Delivery;
        }
        impl p::Reactor for $ty {
            const NAME: &'static str = $name;
            const VERSION: u32 = $version;
            type Key = $key;
            type Mode = p::Follows;
            const SPEC: p::ReactorSpec<Self> = p::ReactorSpec {
                from: p::From::$from,
                retry: p::RetryPolicy::DEFAULT
                    .max($max)
                    .backoff(Duration::from_millis(100), Duration::from_secs(1)),
                on_failure: p::OnFailure::$on_failure,
                state: $state,
                fingerprint: $version,
            };
        }
    };
}

/// The state, as JSON.
macro_rules! json {
    () => {
        Some(p::StateCodec {
            encode: |state| p::serde_json::to_vec(state),
            decode: |bytes| p::serde_json::from_slice(bytes),
        })
    };
}

/// A method that takes an event.
macro_rules! on {
    ($event:ty => $out:ty, |$call:ident, $e:ident| $body:expr) => {
        on!(needs [] $event => $out, |$call, $e| $body)
    };
    (needs [$($service:ty)?] $event:ty => $out:ty, |$call:ident, $e:ident| $body:expr) => {
        p::ReactorMethod {
            name: stringify!($event),
            takes: p::Takes::event::<$event>(),
            issues: <$out as p::Reaction>::names,
            joins: |_| {},
            services: |_needs| { $(_needs.push(p::ServiceNeed::of::<$service>(stringify!($service)));)? },
            read: p::read_event::<$event>,
            keys: |_, event| Ok(vec![p::Key::of(&event.envelope)?]),
            execute: None,
            run: |$call| Box::pin(async move {
                let $e: &$event = p::message($call.message);
                let out: $out = $body;
                p::Reaction::settle(out)
            }),
        }
    };
}

/// Offers something with the second article.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Offer {
    articles: u32,
    offered: bool,
}
reactor!(Offer, "offer", CartId, 1, Start, json!(), 3, Park);
impl Offer {
    fn added(&mut self, cart: &CartId) -> Option<OfferPromotion> {
        self.articles += 1;
        let now = self.articles >= 2 && !self.offered;
        self.offered |= now;
        now.then(|| OfferPromotion { cart: cart.clone() })
    }
}
impl p::React for Offer {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[
        on!(ArticleAdded => Option<OfferPromotion>, |call, _e| {
            call.state.get_or_insert_default().added(call.key)
        }),
        on!(CheckedOut => (), |call, _e| *call.state = None),
    ];
}

/// The same, mounted while there are carts already.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct LateOffer(Offer);
reactor!(LateOffer, "late_offer", CartId, 1, Now, json!(), 3, Park);
impl p::React for LateOffer {
    const METHODS: &'static [p::ReactorMethod<Self>] =
        &[on!(ArticleAdded => Option<OfferPromotion>, |call, _e| {
            call.state.get_or_insert_default().0.added(call.key)
        })];
}

/// Another shape at the same name; the version says so, or does not.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct OtherOffer(u64);
reactor!(OtherOffer, "offer", CartId, 2, Start, json!(), 3, Park);
impl p::React for OtherOffer {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[on!(ArticleAdded => OfferPromotion, |call, _e| {
        call.state.get_or_insert_default().0 += 1;
        OfferPromotion { cart: call.key.clone() }
    })];
}

/// Reserves what was bought, and cancels where that is refused.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Fulfilment;
reactor!(Fulfilment, "fulfilment", CartId, 1, Start, json!(), 3, Park);
impl p::React for Fulfilment {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[
        on!(CheckedOut => Reserve, |call, e| {
            call.state.get_or_insert_default();
            Reserve { shelf: "a".to_owned(), pieces: e.pieces }
        }),
        p::ReactorMethod {
            name: "refused",
            takes: p::Takes::Refused { command: "Reserve" },
            issues: <CancelOrder as p::Reaction>::names,
            joins: |_| {},
            services: |_| {},
            read: |_| Err(p::PayloadError::Unknown),
            keys: |_, _| Ok(Vec::new()),
            execute: Some(p::execute_refusable::<Reserve>),
            run: |call| {
                Box::pin(async move {
                    let refused: &Refused<Reserve> = p::message(call.message);
                    let reason = refused.error.to_string();
                    p::Reaction::settle(CancelOrder { cart: call.key.clone(), reason })
                })
            },
        },
    ];
}

/// Reserves, and takes no refusal.
#[derive(Default)]
pub struct Greedy;
reactor!(Greedy, "greedy", StreamId, 1, Start, None, 3, Park);
impl p::React for Greedy {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[on!(CheckedOut => Reserve, |_call, e| {
        Reserve { shelf: "a".to_owned(), pieces: e.pieces }
    })];
}

/// Reminds an hour after the last article, unless it was bought.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Reminder;
reactor!(Reminder, "reminder", CartId, 1, Start, json!(), 3, Park);
impl p::React for Reminder {
    const METHODS: &'static [p::ReactorMethod<Self>] = &[
        on!(ArticleAdded => Timer<Remind>, |call, _e| {
            call.state.get_or_insert_default();
            Timer::after(Duration::from_hours(1), Remind { cart: call.key.clone() }).named("reminder")
        }),
        on!(CheckedOut => CancelTimer, |_call, _e| CancelTimer("reminder")),
    ];
}

/// Where mail goes.
#[derive(Default)]
pub struct Post {
    sent: Mutex<Vec<String>>,
    refused: Mutex<HashSet<String>>,
}

impl Post {
    pub fn refuse(&self, article: &str) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(article.to_owned());
    }
    pub fn accept_all(&self) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
    pub fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn send(&self, article: &str) -> Result<(), String> {
        if self.refused.lock().unwrap_or_else(PoisonError::into_inner).contains(article) {
            return Err(format!("nobody takes {article}"));
        }
        assert_ne!(article, "bomb", "do not post bombs");
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(article.to_owned());
        Ok(())
    }
}

macro_rules! mail {
    ($ty:ident, $name:literal, $max:literal, $on_failure:ident) => {
        /// Mails each article.
        #[derive(Default)]
        pub struct $ty;
        reactor!($ty, $name, StreamId, 1, Start, None, $max, $on_failure);
        impl p::React for $ty {
            const METHODS: &'static [p::ReactorMethod<Self>] =
                &[on!(needs [Post] ArticleAdded => Result<(), String>, |call, e| {
                    call.services.get::<Post>().send(&e.article)
                })];
        }
    };
}
mail!(Mail, "mail", 2, Park);
mail!(LaxMail, "lax_mail", 1, Skip);
mail!(StrictMail, "strict_mail", 1, Stop);

/// Where two have to be at the same time.
pub struct Meeting(pub tokio::sync::Barrier);

/// Waits for somebody else with each article.
#[derive(Default)]
pub struct Meet;
reactor!(Meet, "meet", StreamId, 1, Start, None, 0, Park);
impl p::React for Meet {
    const METHODS: &'static [p::ReactorMethod<Self>] =
        &[on!(needs [Meeting] ArticleAdded => (), |call, _e| {
            call.services.get::<Meeting>().0.wait().await;
        })];
}
