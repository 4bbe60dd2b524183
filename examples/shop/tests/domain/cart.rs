//! Carts, the offer, and purchases.

use es_core::CommandError;
use es_testing::prelude::*;
use shop::ecommerce::cart::{
    AddArticle, ArticleAdded, ArticleRemoved, CartError, CartId, CheckOut, CheckedOut, DisplayOffer, Item,
    PromotionalOfferDisplayed, RemoveArticle,
};
use shop::ecommerce::offer::PromotionalOffer;
use shop::ecommerce::purchase::{
    CancelPurchase, CancellationWanted, Checkout, NoteCancelled, NoteDelay, NoteShipped, PurchaseError,
    PurchaseShipped, PurchaseStarted, ReplaceCard, StartPurchase,
};

fn ann() -> CartId {
    CartId::from("ann")
}

fn added(article: &str, price: u64) -> ArticleAdded {
    ArticleAdded { article: article.into(), price }
}

fn item(article: &str, quantity: u32, price: u64) -> Item {
    Item { article: article.into(), quantity, price }
}

fn check_out() -> CheckOut {
    CheckOut { cart: ann(), customer: "Ann".into(), email: "ann@example.org".into(), card: "4242".into() }
}

fn checked_out(items: Vec<Item>) -> CheckedOut {
    CheckedOut { customer: "Ann".into(), email: "ann@example.org".into(), card: "4242".into(), items }
}

fn started() -> PurchaseStarted {
    let items = vec![item("book", 1, 1_990)];
    PurchaseStarted { customer: "Ann".into(), email: "ann@example.org".into(), card: "4242".into(), items }
}

fn shipped() -> PurchaseShipped {
    PurchaseShipped { tracking: "T1".into() }
}

#[test]
fn an_article_costs_what_the_catalogue_says() {
    given_nothing()
        .when(AddArticle { cart: ann(), article: "book".into() })
        .then(added("book", 1_990))
        .when(AddArticle { cart: ann(), article: "unicorn".into() })
        .then_error(CartError::UnknownArticle("unicorn".into()));
}

#[test]
fn what_is_not_in_the_cart_cannot_be_taken_out() {
    given((added("book", 1_990), ArticleRemoved { article: "book".into() }))
        .when(RemoveArticle { cart: ann(), article: "book".into() })
        .then_error(CartError::NotInCart("book".into()));
}

#[test]
fn what_is_in_the_cart_is_bought_and_the_cart_is_gone() {
    given([added("book", 1_990), added("lamp", 4_500), added("book", 1_990)])
        .when(check_out())
        .then(checked_out(vec![item("book", 2, 1_990), item("lamp", 1, 4_500)]))
        .when(AddArticle { cart: ann(), article: "book".into() })
        .then_ended();
    given_nothing().when(check_out()).then_error(CartError::Empty);
}

#[test]
fn ac_01_an_offer_comes_with_the_second_article() {
    reactor::<PromotionalOffer>()
        .given(&ann(), added("book", 1_990))
        .when(&ann(), added("lamp", 4_500))
        .then_commands(DisplayOffer { cart: ann() })
        .then_state(&ann(), |_| ());
}

#[test]
fn ac_02_one_article_is_no_reason_for_an_offer() {
    reactor::<PromotionalOffer>()
        .given(&CartId::from("ben"), added("book", 1_990))
        .when(&ann(), added("book", 1_990))
        .then_no_commands();
}

#[test]
fn ac_03_an_offer_comes_once() {
    reactor::<PromotionalOffer>()
        .given(&ann(), events![added("book", 1_990), added("lamp", 4_500), PromotionalOfferDisplayed {}])
        .given(&ann(), events![ArticleRemoved { article: "lamp".into() }])
        .when(&ann(), added("mug", 1_200))
        .then_no_commands();
    given(PromotionalOfferDisplayed {}).when(DisplayOffer { cart: ann() }).then_nothing();
}

#[test]
fn nobody_is_shown_an_offer_behind_the_till() {
    reactor::<PromotionalOffer>()
        .given(&ann(), added("book", 1_990))
        .when(&ann(), added("lamp", 4_500))
        .then_commands(DisplayOffer { cart: ann() })
        .when_refused(
            DisplayOffer { cart: ann() },
            CommandError::Ended { stream: es_core::StreamId::named("cart-ann") },
        )
        .then_no_commands()
        .when(&ann(), checked_out(Vec::new()))
        .then_ended(&ann());
}

#[test]
fn a_cart_that_is_checked_out_becomes_a_purchase() {
    let items = vec![item("book", 1, 1_990)];
    let CheckedOut { customer, email, card, .. } = checked_out(Vec::new());
    reactor::<Checkout>().when(&ann(), checked_out(items.clone())).then_commands(StartPurchase {
        cart: ann(),
        customer,
        email,
        card,
        items,
    });
}

#[test]
fn a_purchase_that_is_over_stays_as_it_is() {
    given((started(), shipped()))
        .when(CancelPurchase { cart: ann() })
        .then_error(PurchaseError::Over)
        .when(ReplaceCard { cart: ann(), card: "4242".into() })
        .then_error(PurchaseError::Over)
        .when(NoteDelay { cart: ann(), article: "book".into() })
        .then_nothing()
        .when(NoteCancelled { cart: ann(), reason: "no".into() })
        .then_nothing()
        .when(NoteShipped { cart: ann(), tracking: "T2".into() })
        .then_nothing();
}

#[test]
fn a_cancellation_is_wanted_once() {
    given(started())
        .when(CancelPurchase { cart: ann() })
        .then(CancellationWanted {})
        .when(CancelPurchase { cart: ann() })
        .then_nothing();
}
