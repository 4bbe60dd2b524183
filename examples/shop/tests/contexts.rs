//! Two contexts, and what crosses between them.

use es_core::model::Finding;
use es_core::prelude::*;
use es_core::serde_json::json;
use shop::ecommerce::cart::{AddArticle, CartId, CheckOut};
use shop::ecommerce::purchase::{CancelPurchase, PurchaseList, ReplaceCard, Stage};
use shop::orders::inbox::Inbox;
use shop::orders::mail::{Mail, MailError, Mailer};
use shop::orders::order::{Line, Order, OrderEvent, OrderId, Status};
use shop::orders::stock::{ArticleNumber, ReceiveStock, Stock};
use shop::public::{self, Door, Letter, Post, PostError, Taken};
use shop::shop::Shop;
use std::path::Path;
use std::sync::Arc;

/// Takes every mail.
struct AnyMail;

impl Mailer for AnyMail {
    fn send(&self, _: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async { Ok(()) })
    }
}

async fn shop() -> Shop {
    Shop::in_memory(Arc::new(AnyMail)).await.unwrap()
}

async fn receive(shop: &Shop, article: &str, quantity: u32) {
    let article = ArticleNumber::from(article);
    shop.orders.app.execute(ReceiveStock { article, quantity }).await.unwrap();
}

/// Somebody buys a book.
async fn buy(shop: &Shop, name: &str, paying_with: &str) {
    let cart = CartId::from(name);
    shop.ecommerce.app.execute(AddArticle { cart: cart.clone(), article: "book".into() }).await.unwrap();
    let (customer, email) = (name.to_owned(), format!("{name}@example.org"));
    shop.ecommerce.app.execute(CheckOut { cart, customer, email, card: paying_with.into() }).await.unwrap();
    shop.quiet().await.unwrap();
}

async fn status(shop: &Shop, order: &str) -> Status {
    shop.orders.app.load::<Order>(&OrderId::from(order)).await.unwrap().unwrap().status
}

async fn purchase(shop: &Shop, cart: &str) -> PurchaseList {
    shop.ecommerce.app.document::<PurchaseList>(&CartId::from(cart)).await.unwrap().unwrap()
}

async fn stage(shop: &Shop, cart: &str) -> Stage {
    purchase(shop, cart).await.stage
}

fn bought() -> Letter {
    let event = public::CheckedOut {
        cart: "ann".into(),
        customer: "Ann".into(),
        email: "ann@example.org".into(),
        card: "4242".into(),
        lines: vec![public::Line { article: "book".into(), quantity: 1 }],
        total: 1_990,
    };
    Letter::of(Uuid::from_u128(7), &event).unwrap()
}

#[tokio::test]
async fn ac_72_a_purchase_becomes_an_order_and_its_parcel_is_heard_of() {
    let shop = shop().await;
    receive(&shop, "book", 1).await;
    buy(&shop, "ann", "4242").await;
    assert_eq!(status(&shop, "ann").await, Status::Completed);
    let order = shop.orders.app.load::<Order>(&OrderId::from("ann")).await.unwrap().unwrap();
    let tracking = order.tracking.clone().unwrap();
    assert_eq!(stage(&shop, "ann").await, Stage::Shipped { tracking });
}

#[tokio::test]
async fn ac_73_a_letter_that_comes_three_times_is_one_order() {
    let shop = shop().await;
    let inbox = Inbox::new(shop.orders.app.clone());
    for _ in 0..3 {
        inbox.deliver(bought()).await.unwrap();
    }
    let history = shop.orders.app.history::<Order>(&OrderId::from("ann")).await.unwrap();
    assert_eq!(history.len(), 1);
    assert!(matches!(&history[0].data, OrderEvent::OrderReceived(received) if received.total == 1_990));
    let tally = inbox.tally();
    assert_eq!((tally.of(Taken::Done), tally.of(Taken::Again)), (1, 2));
}

#[tokio::test]
async fn a_letter_about_an_order_that_is_not_there_yet_is_sent_again() {
    let shop = shop().await;
    let inbox = Inbox::new(shop.orders.app.clone());
    let cancel = public::CancelWanted { cart: "ann".into() };
    let cancel = Letter::of(Uuid::from_u128(9), &cancel).unwrap();
    assert!(matches!(inbox.deliver(cancel.clone()).await, Err(PostError::Failed(_))));
    inbox.deliver(bought()).await.unwrap();
    inbox.deliver(cancel).await.unwrap();
    let tally = inbox.tally();
    assert_eq!((tally.of(Taken::Done), tally.of(Taken::Refused)), (2, 0));
    assert_eq!(status(&shop, "ann").await, Status::Cancelled);
}

#[tokio::test]
async fn a_letter_that_names_an_article_twice_is_an_order_of_their_sum() {
    let shop = shop().await;
    let mut letter = bought();
    letter.body["lines"] = json!([
        { "article": "book", "quantity": 1 },
        { "article": "mug", "quantity": 1 },
        { "article": "book", "quantity": 2 },
    ]);
    Inbox::new(shop.orders.app.clone()).deliver(letter).await.unwrap();
    let history = shop.orders.app.history::<Order>(&OrderId::from("ann")).await.unwrap();
    let OrderEvent::OrderReceived(received) = &history[0].data else { panic!("{history:?}") };
    let line = |article: &str, quantity| Line { article: article.into(), quantity };
    assert_eq!(received.lines, [line("book", 3), line("mug", 1)]);
}

#[tokio::test]
async fn ac_73_another_letter_about_the_same_cart_is_no_second_order() {
    let shop = shop().await;
    let inbox = Inbox::new(shop.orders.app.clone());
    inbox.deliver(bought()).await.unwrap();
    inbox.deliver(Letter { key: Uuid::from_u128(8), ..bought() }).await.unwrap();
    assert_eq!(shop.orders.app.history::<Order>(&OrderId::from("ann")).await.unwrap().len(), 1);
    assert_eq!(inbox.tally().of(Taken::Refused), 1);
}

#[tokio::test]
async fn ac_73_what_nobody_waits_for_is_skipped_and_counted() {
    let shop = shop().await;
    let inbox = Inbox::new(shop.orders.app.clone());
    inbox.deliver(Letter { name: "public.newsletter_read".into(), ..bought() }).await.unwrap();
    inbox.deliver(Letter { version: 2, ..bought() }).await.unwrap();
    assert_eq!(inbox.tally().of(Taken::Skipped), 2);
    assert_eq!(shop.orders.head().await.unwrap(), Position(0));
}

#[tokio::test]
async fn a_letter_with_more_in_it_than_is_known_is_read() {
    let shop = shop().await;
    let inbox = Inbox::new(shop.orders.app.clone());
    let mut letter = bought();
    letter.body["gift_wrap"] = json!(true);
    inbox.deliver(letter).await.unwrap();
    assert_eq!(status(&shop, "ann").await, Status::Received);
}

#[tokio::test]
async fn a_letter_that_says_too_little_is_no_order() {
    let shop = shop().await;
    let inbox = Inbox::new(shop.orders.app.clone());
    let letter = Letter { body: json!({ "cart": "ann" }), ..bought() };
    assert!(inbox.deliver(letter).await.unwrap_err().to_string().contains("cannot be read"));
    assert_eq!(shop.orders.head().await.unwrap(), Position(0));
}

#[tokio::test]
async fn a_letter_arrives_only_while_somebody_is_there() {
    let shop = shop().await;
    let (door, inbox) = (Door::default(), Arc::new(Inbox::new(shop.orders.app.clone())));
    assert!(matches!(door.deliver(bought()).await, Err(PostError::NobodyThere)));
    door.open(&inbox);
    door.deliver(bought()).await.unwrap();
    assert_eq!(inbox.tally().of(Taken::Done), 1);
    drop(inbox);
    assert!(matches!(door.deliver(bought()).await, Err(PostError::NobodyThere)));
}

#[tokio::test]
async fn ac_78_days_pass_and_an_order_that_nobody_pays_is_cancelled() {
    let shop = shop().await;
    receive(&shop, "book", 1).await;
    buy(&shop, "dan", "0002").await;
    assert!(purchase(&shop, "dan").await.card_wanted);
    for day in 1..=7 {
        assert_eq!(status(&shop, "dan").await, Status::Received, "day {day}");
        shop.begin_day(shop.today() + 1).await.unwrap();
        shop.quiet().await.unwrap();
    }
    assert_eq!(status(&shop, "dan").await, Status::Cancelled);
    assert_eq!(stage(&shop, "dan").await, Stage::Cancelled { reason: "it was not paid".into() });
    let stock = shop.orders.app.load::<Stock>(&ArticleNumber::from("book")).await.unwrap().unwrap();
    assert_eq!((stock.available, stock.kept.len()), (1, 0));
    // A card on the eighth day.
    let late = ReplaceCard { cart: CartId::from("dan"), card: "4242".into() };
    assert!(matches!(shop.ecommerce.app.execute(late).await, Err(CommandError::Rejected(_))));
}

#[tokio::test]
async fn ac_78_a_card_on_the_sixth_day_is_in_time() {
    let shop = shop().await;
    receive(&shop, "book", 1).await;
    buy(&shop, "carla", "0002").await;
    for _ in 0..6 {
        shop.begin_day(shop.today() + 1).await.unwrap();
        shop.quiet().await.unwrap();
    }
    let card = ReplaceCard { cart: CartId::from("carla"), card: "4242".into() };
    shop.ecommerce.app.execute(card).await.unwrap();
    shop.quiet().await.unwrap();
    assert_eq!(status(&shop, "carla").await, Status::Completed);
}

#[tokio::test]
async fn ac_74_whoever_waits_can_give_up() {
    let shop = shop().await;
    buy(&shop, "gina", "4242").await;
    assert_eq!(status(&shop, "gina").await, Status::BackOrdered);
    assert!(purchase(&shop, "gina").await.delayed.contains("book"));
    shop.ecommerce.app.execute(CancelPurchase { cart: CartId::from("gina") }).await.unwrap();
    shop.quiet().await.unwrap();
    assert_eq!(status(&shop, "gina").await, Status::Cancelled);
    receive(&shop, "book", 1).await;
    shop.quiet().await.unwrap();
    assert_eq!(status(&shop, "gina").await, Status::Cancelled);
}

#[tokio::test]
async fn a_cancellation_that_comes_too_late_changes_nothing() {
    let shop = shop().await;
    receive(&shop, "book", 1).await;
    buy(&shop, "ann", "4242").await;
    let inbox = Inbox::new(shop.orders.app.clone());
    let cancel = public::CancelWanted { cart: "ann".into() };
    inbox.deliver(Letter::of(Uuid::from_u128(9), &cancel).unwrap()).await.unwrap();
    assert_eq!(inbox.tally().of(Taken::Refused), 1);
    shop.quiet().await.unwrap();
    assert_eq!(status(&shop, "ann").await, Status::Completed);
    assert!(matches!(stage(&shop, "ann").await, Stage::Shipped { .. }));
}

#[test]
fn no_type_of_one_context_is_named_by_the_other() {
    let named = |folder: &str, other: &str| {
        let code = code_below(format!("{}/src/{folder}", env!("CARGO_MANIFEST_DIR")).as_ref());
        assert!(!code.is_empty());
        code.iter().filter(|code| code.contains(&format!("{other}::"))).count()
    };
    assert_eq!((named("ecommerce", "orders"), named("orders", "ecommerce")), (0, 0));
}

fn code_below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() { code_below(&path) } else { vec![std::fs::read_to_string(path).unwrap()] }
        })
        .collect()
}

#[test]
fn the_model_has_no_faults() {
    let is_meant = |finding: &Finding| match finding {
        // Public events stand in letters, and in no stream that would apply them.
        Finding::NeverApplied { event, .. } => event.starts_with("public."),
        // Documents, or rows in one database or the other: an app has one of the three.
        Finding::SharedProjectionName { name, types } => *name == "stock_levels" && types.len() == 3,
        _ => false,
    };
    let mut findings = es_core::model().check();
    findings.retain(|finding| !is_meant(finding));
    assert_eq!(findings, []);
}
