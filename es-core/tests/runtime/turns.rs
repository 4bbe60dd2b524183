//! What reactors answer.

use crate::kit::*;
use crate::shop::*;
use es_core::__private as p;
use es_core::prelude::*;

on_every_store! {
    an_offer_is_made_with_the_second_article_and_says_what_it_answers,
    a_refused_command_is_given_to_the_method_that_takes_it,
    a_reactor_from_now_folds_the_past_silently,
    a_new_version_folds_silently_what_the_old_one_has_answered,
    a_state_that_is_written_as_null_is_a_state,
    another_shape_needs_another_version,
    build_lists_what_is_wrong_with_reactors,
    different_keys_are_worked_on_at_the_same_time,
}

async fn an_offer_is_made_with_the_second_article_and_says_what_it_answers(store: impl EventStore + Clone) {
    let app = App::builder(store.clone()).aggregate::<Cart>().reactor::<Offer>().build().await.unwrap();
    for article in ["book", "lamp", "desk"] {
        app.execute(add("1", article)).await.unwrap();
    }
    app.execute(add("2", "book")).await.unwrap();
    app.drain().await.unwrap();

    assert_eq!(
        names(&store, "cart-1").await,
        ["ArticleAdded", "ArticleAdded", "ArticleAdded", "PromotionOffered"]
    );
    assert_eq!(names(&store, "cart-2").await, ["ArticleAdded"]);
    let history = app.history::<Cart>(&cart("1")).await.unwrap();
    let (cause, offer) = (&history[1].envelope, &history[3].envelope);
    assert_eq!(offer.metadata.causation_id, Some(cause.id));
    assert_eq!(offer.metadata.correlation_id, cause.metadata.correlation_id);
}

async fn a_refused_command_is_given_to_the_method_that_takes_it(store: impl EventStore + Clone) {
    let app = App::builder(store.clone())
        .aggregate::<Cart>()
        .aggregate::<Stock>()
        .reactor::<Fulfilment>()
        .build()
        .await
        .unwrap();
    for (name, pieces) in [("1", 8), ("2", 3), ("3", 2)] {
        app.execute(CheckOut { cart: cart(name), pieces }).await.unwrap();
        app.drain().await.unwrap();
    }
    assert_eq!(names(&store, "stock-a").await, ["Reserved", "Reserved"]);
    assert_eq!(names(&store, "cart-1").await, ["CheckedOut"]);
    assert_eq!(names(&store, "cart-2").await, ["CheckedOut", "OrderCancelled"]);
    let cancelled = app.history::<Cart>(&cart("2")).await.unwrap();
    assert!(matches!(&cancelled[1].data, CartEvent::OrderCancelled(e) if e.reason == "only 2 left"));
}

async fn a_reactor_from_now_folds_the_past_silently(store: impl EventStore + Clone) {
    let app = App::builder(store.clone()).aggregate::<Cart>().build().await.unwrap();
    for (name, article) in [("1", "book"), ("2", "book"), ("2", "lamp")] {
        app.execute(add(name, article)).await.unwrap();
    }
    let app = App::builder(store.clone()).aggregate::<Cart>().reactor::<LateOffer>().build().await.unwrap();
    for name in ["1", "2"] {
        app.execute(add(name, "desk")).await.unwrap();
    }
    app.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "PromotionOffered").await, 1, "its first article is known");
    assert_eq!(count(&store, "cart-2", "PromotionOffered").await, 0, "its second article was in the past");
}

async fn a_new_version_folds_silently_what_the_old_one_has_answered(store: impl EventStore + Clone) {
    let old = App::builder(store.clone()).aggregate::<Cart>().reactor::<Offer>().build().await.unwrap();
    old.execute(add("1", "book")).await.unwrap();
    old.drain().await.unwrap();
    let new = App::builder(store.clone()).aggregate::<Cart>().reactor::<OtherOffer>().build().await.unwrap();
    new.execute(add("1", "lamp")).await.unwrap();
    new.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "PromotionOffered").await, 1);
}

/// Version 1 of "offer", in another shape.
macro_rules! reshaped {
    ($ty:ident) => {
        #[derive(Default)]
        struct $ty;
        impl p::Surrounded for $ty {
            type Around = p::Delivery;
        }
        impl p::Reactor for $ty {
            const NAME: &'static str = "offer";
            const VERSION: u32 = 1;
            type Key = CartId;
            type Mode = p::Follows;
            const SPEC: p::ReactorSpec<Self> = p::ReactorSpec {
                from: p::From::Now,
                retry: p::RetryPolicy::DEFAULT,
                on_failure: p::OnFailure::Park,
                state: None,
                fingerprint: 99,
            };
        }
        impl p::React for $ty {
            const METHODS: &'static [p::ReactorMethod<Self>] = &[];
        }
    };
}
reshaped!(Reshaped);

/// Offers once. What it keeps then is written as `null`, which is not the same as to keep nothing.
#[reactor(key = CartId, from = start, no_derive(Default))]
pub struct OfferOnce(Option<u32>);

impl Default for OfferOnce {
    fn default() -> Self {
        Self(Some(1))
    }
}

#[reactor]
impl OfferOnce {
    fn added(&mut self, _: &ArticleAdded, cart: &CartId) -> Option<OfferPromotion> {
        self.0.take().map(|_| OfferPromotion { cart: cart.clone() })
    }
}

async fn a_state_that_is_written_as_null_is_a_state(store: impl EventStore + Clone) {
    let app = App::builder(store.clone()).aggregate::<Cart>().reactor::<OfferOnce>().build().await.unwrap();
    for article in ["book", "lamp"] {
        app.execute(add("1", article)).await.unwrap();
        app.drain().await.unwrap();
    }
    assert_eq!(count(&store, "cart-1", "PromotionOffered").await, 1);
}

async fn another_shape_needs_another_version(store: impl EventStore + Clone) {
    for _ in 0..2 {
        App::builder(store.clone()).aggregate::<Cart>().reactor::<Offer>().build().await.unwrap();
    }
    let error = App::builder(store).aggregate::<Cart>().reactor::<Reshaped>().build().await.unwrap_err();
    assert!(error.to_string().contains("say `version = 2`"), "{error}");
}

async fn build_lists_what_is_wrong_with_reactors(store: impl EventStore + Clone) {
    let built = App::builder(store.clone()).reactor::<Offer>().reactor::<Mail>().reactor::<Reshaped>();
    let faults = built.build().await.unwrap_err().faults().join("\n");
    for said in ["takes `&Post`", "issues OfferPromotion", "both named \"offer\""] {
        assert!(faults.contains(said), "{said} is not in:\n{faults}");
    }
}

async fn different_keys_are_worked_on_at_the_same_time(store: impl EventStore + Clone) {
    let meeting = std::sync::Arc::new(Meeting(tokio::sync::Barrier::new(2)));
    let builder = App::builder(store).aggregate::<Cart>().service::<Meeting>(meeting);
    let app = builder.reactor::<Meet>().build().await.unwrap();
    for name in ["1", "2"] {
        app.execute(add(name, "book")).await.unwrap();
    }
    let met = tokio::time::timeout(std::time::Duration::from_mins(1), app.drain()).await;
    met.expect("one waits for the other").unwrap();
}
