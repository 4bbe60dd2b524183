//! What inline reactors remember: it goes with the commit, and commits are decided on it.

use super::shop::{Order, OrderPlaced, Quota, TooMany, log, place, plain, restock, shop, shop_with};
use crate::kit::Place;
use crate::probe::Fate;
use es_core::prelude::*;
use std::sync::Arc;

on_every_store! {
    not on nats: "an app with inline reactors is not built there";
    a_state_is_kept_with_the_commit
    events_of_one_commit_see_each_others_changes
    a_failing_method_refuses_the_command
    a_panic_refuses_the_command
    a_state_that_another_process_changed_is_decided_on_again
    nothing_is_remembered_of_a_commit_that_was_refused
    the_past_is_folded_before_the_app_is_there
    the_past_is_folded_once
    a_past_that_cannot_be_folded_fails_the_build
    another_kind_of_reactor_needs_another_version
    a_handler_with_services_is_not_for_an_inline_reactor
}

fn order(order: usize) -> super::shop::PlaceOrder {
    place(&order.to_string(), 1)
}

fn too_many<E: std::error::Error>(refused: CommandError<E>) -> bool {
    let CommandError::Inline { reactor, source } = refused else { panic!("{refused}") };
    reactor == "quota" && source.to_string().contains("ann has 3 orders")
}

async fn a_state_is_kept_with_the_commit(at: Place) {
    let app = shop_with(&at, 9).await;
    for n in 0..3 {
        // Another process decides on what this one has left.
        let app = if n == 1 { shop(at.open().await).await } else { app.clone() };
        app.execute(order(n)).await.unwrap();
    }
    assert!(too_many(app.execute(order(3)).await.unwrap_err()));
    assert!(too_many(shop(at.open().await).await.execute(order(3)).await.unwrap_err()));
    let bobs = super::shop::PlaceOrder { customer: "bob".into(), ..order(3) };
    app.execute(bobs).await.unwrap();
}

async fn events_of_one_commit_see_each_others_changes(at: Place) {
    let app = shop_with(&at, 9).await;
    let four: Vec<_> = (0..4).map(order).collect();
    assert!(too_many(app.execute_all(four).await.unwrap_err()));
    let three: Vec<_> = (0..3).map(order).collect();
    app.execute_all(three).await.unwrap();
    assert!(too_many(app.execute(order(3)).await.unwrap_err()));
}

async fn a_failing_method_refuses_the_command(at: Place) {
    let app = shop_with(&at, 9).await;
    for n in 0..3 {
        app.execute(order(n)).await.unwrap();
    }
    let before = log(&at).await;
    let expected = TooMany { customer: "ann".into(), orders: 3 };
    let CommandError::Inline { source, .. } = app.execute(order(3)).await.unwrap_err() else { panic!() };
    assert_eq!(source.to_string(), expected.to_string());
    assert_eq!(log(&at).await, before);
}

async fn a_panic_refuses_the_command(at: Place) {
    let app = shop_with(&at, 9).await;
    let bomb = super::shop::PlaceOrder { sku: "bomb".into(), ..order(0) };
    app.execute(super::shop::Restock { sku: "bomb".into(), quantity: 1 }).await.unwrap();
    let CommandError::Inline { reactor, source } = app.execute(bomb).await.unwrap_err() else { panic!() };
    assert_eq!(reactor, "quota");
    assert!(source.to_string().contains("nobody orders a bomb"), "{source}");
    assert!(at.names(&Order::stream(&"0".to_owned())).await.is_empty());
}

/// Without reservations, so that two orders meet in the state and nowhere else.
async fn quota(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Order>().reactor::<Quota>().build().await.unwrap()
}

async fn a_state_that_another_process_changed_is_decided_on_again(at: Place) {
    let (store, other) = (at.open().await, quota(at.open().await).await);
    let app = quota(store.clone()).await;
    // Also where the document is not there yet.
    for (n, rivals) in [(0, 1), (2, 3)] {
        let other = other.clone();
        let rival = async move {
            other.execute(order(rivals)).await.map(drop).unwrap();
        };
        if n == 0 {
            store.fates([Fate::After(Box::pin(rival))]);
            assert_eq!(app.execute(order(n)).await.unwrap().attempts, 2);
        } else {
            store.fates([Fate::After(Box::pin(rival))]);
            assert!(too_many(app.execute(order(n)).await.unwrap_err()));
        }
    }
    assert_eq!(log(&at).await.len(), 3);
}

async fn nothing_is_remembered_of_a_commit_that_was_refused(at: Place) {
    let app = shop_with(&at, 0).await;
    for n in 0..5 {
        let refused = app.execute(order(n)).await.unwrap_err();
        let CommandError::Inline { reactor, .. } = refused else { panic!("{refused}") };
        assert_eq!(reactor, "reservation");
    }
    app.execute(restock(9)).await.unwrap();
    for n in 0..3 {
        app.execute(order(n)).await.unwrap();
    }
}

async fn the_past_is_folded_before_the_app_is_there(at: Place) {
    let before = plain(at.open().await).await;
    for n in 0..2 {
        before.execute(order(n)).await.unwrap();
    }
    let app = quota(at.open().await).await;
    app.execute(order(2)).await.unwrap();
    assert!(too_many(app.execute(order(3)).await.unwrap_err()));
    // Following it finds nothing that commits have not done.
    app.drain().await.unwrap();
    assert!(too_many(app.execute(order(3)).await.unwrap_err()));
}

async fn the_past_is_folded_once(at: Place) {
    let before = plain(at.open().await).await;
    for n in 0..2 {
        before.execute(order(n)).await.unwrap();
    }
    // A process that ends in the middle leaves the rest to the next one.
    let store = at.open().await;
    store.log_outages(1);
    let refused = App::builder(store).aggregate::<Order>().reactor::<Quota>().build().await;
    assert!(refused.is_err());
    let apps = tokio::join!(quota(at.open().await), quota(at.open().await));
    apps.0.execute(order(2)).await.unwrap();
    assert!(too_many(apps.1.execute(order(3)).await.unwrap_err()));
    assert!(too_many(quota(at.open().await).await.execute(order(3)).await.unwrap_err()));
}

async fn a_past_that_cannot_be_folded_fails_the_build(at: Place) {
    let before = plain(at.open().await).await;
    for n in 0..4 {
        before.execute(order(n)).await.unwrap();
    }
    let refused = App::builder(at.open().await).aggregate::<Order>().reactor::<Quota>().build().await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("the reactor quota cannot fold the past"), "{refused}");
    assert!(refused.contains("ann has 3 orders"), "{refused}");
}

/// The quota as it would be behind the commit.
mod later {
    use super::OrderPlaced;
    use es_core::prelude::*;

    #[reactor(key = String, name = "quota")]
    pub struct Quota {
        pub orders: u32,
    }
    #[reactor]
    impl Quota {
        #[key(e.customer.clone())]
        fn placed(&mut self, e: &OrderPlaced) {
            self.orders += 1;
        }
    }
}

async fn another_kind_of_reactor_needs_another_version(at: Place) {
    quota(at.open().await).await;
    let refused = App::builder(at.open().await).aggregate::<Order>().reactor::<later::Quota>().build().await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("say `version = 2` in its `#[reactor(..)]`"), "{refused}");
    assert!(refused.contains("inline"), "{refused}");
}

async fn a_handler_with_services_is_not_for_an_inline_reactor(at: Place) {
    use crate::bank::{Account, AccountId, Errand, Fetch, MoneyDeposited, NoErrand};

    #[reactor(inline)]
    struct Fetching;
    #[reactor]
    impl Fetching {
        fn deposited(&self, e: &MoneyDeposited, account: &AccountId) -> Fetch {
            Fetch { account: account.clone(), amount: e.amount }
        }
    }
    let refused = App::builder(at.open().await)
        .aggregate::<Account>()
        .service::<dyn Errand>(Arc::new(NoErrand))
        .reactor::<Fetching>()
        .build()
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(
        refused.faults(),
        [
            "the reactor fetching is inline, and the handler of Fetch takes `&dyn Errand`, which would be called \
             with each attempt at the commit: remove `inline`, or issue a command without services"
        ]
    );
}
