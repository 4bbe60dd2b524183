//! What leaves a context.

use es_core::prelude::*;
use es_testing::prelude::*;
use shop::ecommerce::cart::{CartId, Item};
use shop::ecommerce::publishes::Publishes as PublishesPurchases;
use shop::ecommerce::purchase::{CancellationWanted, CardReplaced, PurchaseStarted};
use shop::orders::order::{OrderBackOrdered, OrderCancelled, OrderId, OrderShipped};
use shop::orders::payment::CustomerAskedToUpdateCard;
use shop::orders::publishes::Publishes as PublishesOrders;
use shop::public::{self, Letter, Post, PostError};
use std::sync::{Arc, Mutex};

/// Keeps letters, and loses the first ones.
struct Letterbox {
    kept: Mutex<Vec<Letter>>,
    lost: Mutex<u32>,
}

impl Letterbox {
    fn losing(letters: u32) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), lost: Mutex::new(letters) })
    }

    /// There is one letter of this kind, with this in it.
    #[track_caller]
    fn has_one<E: Event>(&self, expected: &E) {
        let kept = self.kept.lock().unwrap();
        let read: Vec<E> = kept.iter().filter_map(|letter| letter.read().unwrap()).collect();
        assert_eq!(read, std::slice::from_ref(expected));
    }
}

impl Post for Letterbox {
    fn deliver(&self, letter: Letter) -> BoxFuture<'_, Result<(), PostError>> {
        self.kept.lock().unwrap().push(letter);
        let mut lost = self.lost.lock().unwrap();
        let is_lost = *lost > 0;
        *lost = lost.saturating_sub(1);
        Box::pin(async move { if is_lost { Err(PostError::NobodyThere) } else { Ok(()) } })
    }
}

fn started() -> PurchaseStarted {
    let item = |article: &str, quantity, price| Item { article: article.into(), quantity, price };
    PurchaseStarted {
        customer: "Ann".into(),
        email: "ann@example.org".into(),
        card: "4242".into(),
        items: vec![item("book", 2, 1_990), item("lamp", 1, 4_500)],
    }
}

#[test]
fn ac_72_others_hear_of_a_purchase_in_its_public_form() {
    let post = Letterbox::losing(0);
    let ann = CartId::from("ann");
    reactor::<PublishesPurchases>()
        .service::<dyn Post>(post.clone())
        .when(&ann, started())
        .then_no_commands()
        .when(&ann, CardReplaced { card: "4343".into() })
        .then_no_commands()
        .when(&ann, CancellationWanted {})
        .then_no_commands();
    let line = |article: &str, quantity| public::Line { article: article.into(), quantity };
    let bought = public::CheckedOut {
        cart: "ann".into(),
        customer: "Ann".into(),
        email: "ann@example.org".into(),
        card: "4242".into(),
        lines: vec![line("book", 2), line("lamp", 1)],
        total: 8_480,
    };
    post.has_one(&bought);
    post.has_one(&public::CardGiven { cart: "ann".into(), card: "4343".into() });
    post.has_one(&public::CancelWanted { cart: "ann".into() });
}

#[test]
fn ac_72_others_hear_what_becomes_of_an_order() {
    let post = Letterbox::losing(0);
    let ann = OrderId::from("ann");
    reactor::<PublishesOrders>()
        .service::<dyn Post>(post.clone())
        .when(&ann, CustomerAskedToUpdateCard {})
        .then_no_commands()
        .when(&ann, OrderBackOrdered { article: "mug".into() })
        .then_no_commands()
        .when(&ann, OrderShipped { tracking: "T1".into() })
        .then_no_commands()
        .when(&ann, OrderCancelled { reason: "no".into() })
        .then_no_commands();
    let cart = || "ann".to_owned();
    post.has_one(&public::CardWanted { cart: cart() });
    post.has_one(&public::ItemDelayed { cart: cart(), article: "mug".into() });
    post.has_one(&public::OrderShipped { cart: cart(), tracking: "T1".into() });
    post.has_one(&public::OrderCancelled { cart: cart(), reason: "no".into() });
}

#[test]
fn a_letter_that_was_lost_is_sent_again_under_its_key() {
    let post = Letterbox::losing(1);
    reactor::<PublishesPurchases>()
        .service::<dyn Post>(post.clone())
        .when(&CartId::from("ann"), started())
        .then_retry()
        .when_redelivered()
        .then_no_commands();
    let kept = post.kept.lock().unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0], kept[1]);
}
