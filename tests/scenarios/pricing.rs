//! A cart that always knows its price, discount included.

use crate::kit::recorded;
use es_core::prelude::*;
use es_testing::prelude::*;

#[value]
#[derive(Copy)]
pub enum Article {
    Mug,
    Shirt,
}

impl Article {
    fn price(self) -> u64 {
        match self {
            Self::Mug => 1_200,
            Self::Shirt => 2_000,
        }
    }
}

#[event]
pub struct ItemAdded {
    pub article: Article,
}
#[event]
pub struct DiscountCodeEntered {
    pub code: String,
    pub percent: u64,
}
#[event]
pub struct PriceCalculated {
    pub total: u64,
}
#[event]
pub struct CheckedOut {
    pub total: u64,
}

#[command(Cart)]
pub struct AddItem {
    #[id]
    pub cart: u32,
    pub article: Article,
}
#[command(Cart)]
pub struct EnterDiscountCode {
    #[id]
    pub cart: u32,
    pub code: String,
}
#[command(Cart)]
pub struct Checkout {
    #[id]
    pub cart: u32,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CartError {
    #[error("the cart was checked out already")]
    AlreadyCheckedOut,
    #[error("there is nothing in the cart")]
    EmptyCart,
    #[error("there is no discount code {0}")]
    UnknownCode(String),
}

/// What happened last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Status {
    #[default]
    Empty,
    ItemAdded,
    DiscountCodeEntered,
    PriceCalculated,
    CheckedOut,
}

#[aggregate(id = u32, name = "priced_cart", default)]
#[derive(Default)]
pub struct Cart {
    status: Status,
    sum: u64,
    /// The code that was entered, and how many percent it takes off.
    discount: Option<(String, u64)>,
}

impl Cart {
    fn total(&self) -> u64 {
        let percent = self.discount.as_ref().map_or(0, |(_, percent)| *percent);
        self.sum * (100 - percent) / 100
    }
    fn open(&self) -> Result<(), CartError> {
        if self.status == Status::CheckedOut { Err(CartError::AlreadyCheckedOut) } else { Ok(()) }
    }
}

#[applier]
impl Cart {
    fn added(&mut self, e: &ItemAdded) {
        self.sum += e.article.price();
        self.status = Status::ItemAdded;
    }
    fn discounted(&mut self, e: &DiscountCodeEntered) {
        self.discount = Some((e.code.clone(), e.percent));
        self.status = Status::DiscountCodeEntered;
    }
    fn priced(&mut self, _: &PriceCalculated) {
        self.status = Status::PriceCalculated;
    }
    fn checked_out(&mut self, _: &CheckedOut) {
        self.status = Status::CheckedOut;
    }
}

#[command_handler]
impl Cart {
    fn add(&self, command: AddItem, cx: &Context<Self>) -> Result<Draft<Self>, CartError> {
        self.open()?;
        Ok(repriced(cx.draft(self), ItemAdded { article: command.article }))
    }
    fn discount(&self, command: EnterDiscountCode, cx: &Context<Self>) -> Result<Draft<Self>, CartError> {
        self.open()?;
        let EnterDiscountCode { code, .. } = command;
        if self.discount.as_ref().is_some_and(|(entered, _)| *entered == code) {
            return Ok(cx.draft(self));
        }
        let percent = percent_off(&code).ok_or_else(|| CartError::UnknownCode(code.clone()))?;
        Ok(repriced(cx.draft(self), DiscountCodeEntered { code, percent }))
    }
    fn checkout(&self, _: Checkout) -> Result<CheckedOut, CartError> {
        self.open()?;
        if self.sum == 0 {
            return Err(CartError::EmptyCart);
        }
        Ok(CheckedOut { total: self.total() })
    }
}

/// An event, and the price behind it.
fn repriced(mut draft: Draft<Cart>, event: impl IntoEvents<Cart>) -> Draft<Cart> {
    draft.raise(event);
    let total = draft.state().total();
    draft.raise(PriceCalculated { total });
    draft
}

fn percent_off(code: &str) -> Option<u64> {
    (code == "SAVE10").then_some(10)
}

fn add(article: Article) -> AddItem {
    AddItem { cart: 1, article }
}
fn enter(code: &str) -> EnterDiscountCode {
    EnterDiscountCode { cart: 1, code: code.into() }
}
const CHECKOUT: Checkout = Checkout { cart: 1 };

async fn checked_out(store: impl EventStore) -> App {
    let app = App::builder(store).aggregate::<Cart>().build().await.unwrap();
    app.execute(add(Article::Mug)).await.unwrap();
    app.execute(enter("SAVE10")).await.unwrap();
    app.execute(add(Article::Shirt)).await.unwrap();
    app.execute(CHECKOUT).await.unwrap();
    app
}

on_every_store! {
    ac_67_the_status_is_what_happened_last,
    ac_68_after_checkout_nothing_more_happens,
    ac_69_what_is_refused_or_said_twice_records_nothing,
}

async fn ac_67_the_status_is_what_happened_last(store: impl EventStore) {
    let app = checked_out(store).await;
    let mut statuses = Vec::new();
    for version in 1..=7 {
        let cart = app.load_as_of::<Cart>(&1, AsOf::Version(version)).await.unwrap().unwrap();
        statuses.push(cart.status);
    }
    let step_by_step = [
        [Status::ItemAdded, Status::PriceCalculated],
        [Status::DiscountCodeEntered, Status::PriceCalculated],
        [Status::ItemAdded, Status::PriceCalculated],
    ];
    assert_eq!(statuses, [&step_by_step.concat()[..], &[Status::CheckedOut]].concat());
}

async fn ac_68_after_checkout_nothing_more_happens(store: impl EventStore + Clone) {
    let app = checked_out(store.clone()).await;
    let refusals = [
        app.execute(add(Article::Mug)).await.unwrap_err(),
        app.execute(enter("SAVE10")).await.unwrap_err(),
        app.execute(CHECKOUT).await.unwrap_err(),
    ];
    for refused in refusals {
        assert!(matches!(refused, CommandError::Rejected(CartError::AlreadyCheckedOut)), "{refused}");
    }
    assert_eq!(recorded(&store).await, 7);
}

async fn ac_69_what_is_refused_or_said_twice_records_nothing(store: impl EventStore + Clone) {
    let app = App::builder(store.clone()).aggregate::<Cart>().build().await.unwrap();
    let refused = app.execute(CHECKOUT).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(CartError::EmptyCart)), "{refused}");
    let refused = app.execute(enter("SAVE99")).await.unwrap_err();
    assert!(matches!(&refused, CommandError::Rejected(CartError::UnknownCode(code)) if code == "SAVE99"));
    assert_eq!(recorded(&store).await, 0);
    app.execute(enter("SAVE10")).await.unwrap();
    let again = app.execute(enter("SAVE10")).await.unwrap();
    assert_eq!((again.events.len(), again.version), (0, 2));
    assert_eq!(recorded(&store).await, 2);
}

#[test]
fn ac_67_every_change_is_priced() {
    given_nothing()
        .when(add(Article::Mug))
        .then((ItemAdded { article: Article::Mug }, PriceCalculated { total: 1_200 }))
        .when(enter("SAVE10"))
        .then((DiscountCodeEntered { code: "SAVE10".into(), percent: 10 }, PriceCalculated { total: 1_080 }))
        .when(add(Article::Shirt))
        .then((ItemAdded { article: Article::Shirt }, PriceCalculated { total: 2_880 }))
        .when(CHECKOUT)
        .then(CheckedOut { total: 2_880 });
}

#[test]
fn ac_69_an_empty_cart_is_not_checked_out() {
    given_nothing().when(CHECKOUT).then_error(CartError::EmptyCart);
}

#[test]
fn ac_69_an_unknown_code_is_refused() {
    given_nothing().when(enter("SAVE99")).then_error(CartError::UnknownCode("SAVE99".into()));
}

#[test]
fn ac_69_the_same_code_again_changes_nothing() {
    given(DiscountCodeEntered { code: "SAVE10".into(), percent: 10 }).when(enter("SAVE10")).then_nothing();
}
