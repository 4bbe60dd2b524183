//! Two versions of an inline reactor that remembers something: one of them is in charge.

use super::shop::{Order, Quota, log, place};
use crate::kit::Place;
use crate::probe::Fate;
use es_core::prelude::*;

on_every_store! {
    not on nats: "an app with inline reactors is not built there";
    a_newer_version_takes_over
    an_older_version_is_not_built_again
    a_commit_of_an_older_version_is_refused_however_late
    a_last_attempt_says_who_is_in_charge
    a_version_that_cannot_begin_leaves_the_older_one_in_charge
    an_origin_that_was_only_written_again_is_in_charge
}

/// The quota, as the next version of it has it.
mod second {
    use super::super::shop::{OrderPlaced, TooMany};
    use es_core::prelude::*;

    #[reactor(inline, key = String, name = "quota", version = 2)]
    pub struct Quota {
        pub orders: u32,
    }
    #[reactor]
    impl Quota {
        #[key(e.customer.clone())]
        fn placed(&mut self, e: &OrderPlaced) -> Result<(), TooMany> {
            if self.orders == 3 {
                return Err(TooMany { customer: e.customer.clone(), orders: self.orders });
            }
            self.orders += 1;
            Ok(())
        }
    }
}

/// With timers, which only a reactor that follows can park.
mod timed {
    use super::super::shop::{ConfirmOrder, OrderPlaced};
    use es_core::prelude::*;
    use std::time::Duration;

    macro_rules! version {
        ($module:ident, $version:literal) => {
            pub mod $module {
                use super::*;

                #[reactor(inline, name = "late", version = $version)]
                pub struct Late;
                #[reactor]
                impl Late {
                    fn placed(&self, _: &OrderPlaced, order: &String) -> Timer<ConfirmOrder> {
                        let confirm = ConfirmOrder { order: format!("not {order}") };
                        Timer::after(Duration::ZERO, confirm).named("confirm")
                    }
                }
            }
        };
    }
    version!(first, 1);
    version!(second, 2);
}

async fn first(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Order>().reactor::<Quota>().build().await.unwrap()
}

async fn second(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Order>().reactor::<second::Quota>().build().await.unwrap()
}

fn order(order: usize) -> super::shop::PlaceOrder {
    place(&order.to_string(), 1)
}

/// Whether it is told that version 2 is in charge, which says nothing of the command.
fn is_told<E: std::error::Error>(refused: CommandError<E>) -> bool {
    assert!(!refused.is_refusal());
    let CommandError::Inline { reactor, source } = refused else { panic!("{refused}") };
    reactor == "quota" && source.to_string().starts_with("a newer version (2) of it is in charge: ")
}

async fn a_newer_version_takes_over(at: Place) {
    let one = first(at.open().await).await;
    one.execute(order(0)).await.unwrap();
    let two = second(at.open().await).await;
    for n in 1..3 {
        assert!(is_told(one.execute(order(n)).await.unwrap_err()));
        assert!(is_told(one.execute_all((order(n), order(n + 10))).await.unwrap_err()));
        assert!(is_told(one.would(&order(n)).await.unwrap_err()));
        two.execute(order(n)).await.unwrap();
    }
    let CommandError::Inline { source, .. } = two.execute(order(3)).await.unwrap_err() else { panic!() };
    assert!(source.to_string().contains("ann has 3 orders"), "{source}");
    assert_eq!(log(&at).await.len(), 3);
}

async fn an_older_version_is_not_built_again(at: Place) {
    drop(first(at.open().await).await);
    second(at.open().await).await.execute(order(0)).await.unwrap();
    let refused = App::builder(at.open().await).aggregate::<Order>().reactor::<Quota>().build().await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("say `version = 3` in its `#[reactor(..)]`"), "{refused}");
}

async fn a_commit_of_an_older_version_is_refused_however_late(at: Place) {
    let store = at.open().await;
    let one = first(store.clone()).await;
    one.execute(order(0)).await.unwrap();
    // It is on its way to the store while the newer one folds what is there.
    let other = at.open().await;
    let rival = async move {
        second(other).await.execute(order(1)).await.map(drop).unwrap();
    };
    store.fates([Fate::After(Box::pin(rival))]);
    assert!(is_told(one.execute(order(2)).await.unwrap_err()));
    assert_eq!(log(&at).await, ["order-0 OrderPlaced", "order-1 OrderPlaced"]);
}

async fn a_last_attempt_says_who_is_in_charge(at: Place) {
    let one = first(at.open().await).await;
    one.execute(order(0)).await.unwrap();
    drop(second(at.open().await).await);
    assert!(is_told(one.execute(order(1)).expect_version(0).await.unwrap_err()));
}

async fn a_version_that_cannot_begin_leaves_the_older_one_in_charge(at: Place) {
    let store = at.open().await;
    let one = App::builder(store).aggregate::<Order>().reactor::<timed::first::Late>().build().await.unwrap();
    one.execute(order(0)).await.unwrap();
    one.drain().await.unwrap();
    assert_eq!(one.parked("late").await.unwrap().len(), 1, "there is no such order");
    let two = App::builder(at.open().await).aggregate::<Order>().reactor::<timed::second::Late>();
    let refused = two.build().await.unwrap_err().to_string();
    assert!(refused.contains("retry or skip that first"), "{refused}");
    one.execute(order(1)).await.unwrap();
    // Once it is skipped, the newer one begins.
    let parked = one.parked("late").await.unwrap();
    for entry in &parked[..] {
        parked.skip(&entry.id).await.unwrap();
    }
    one.drain().await.unwrap();
    let parked = one.parked("late").await.unwrap();
    for entry in &parked[..] {
        parked.skip(&entry.id).await.unwrap();
    }
    one.drain().await.unwrap();
    let two = App::builder(at.open().await).aggregate::<Order>().reactor::<timed::second::Late>();
    two.build().await.unwrap();
    let CommandError::Inline { reactor, .. } = one.execute(order(2)).await.unwrap_err() else { panic!() };
    assert_eq!(reactor, "late");
}

async fn an_origin_that_was_only_written_again_is_in_charge(at: Place) {
    use es_core::store::{Advance, DocumentWrite, EventStore};
    use std::time::Duration;

    let (store, one) = (at.open().await, first(at.open().await).await);
    one.execute(order(0)).await.unwrap();
    let origin = store.documents("quota.r1/origin", &["origin".to_owned()]).await.unwrap().pop().unwrap();
    let lease = store.acquire("quota.r1", uuid::Uuid::new_v4(), Duration::from_secs(1)).await.unwrap();
    let write = DocumentWrite {
        collection: "quota.r1/origin".into(),
        key: origin.key,
        revision: None,
        position: origin.position,
        body: Some(origin.body),
    };
    let again = Advance { writes: vec![write], ..Advance::under(&lease.unwrap()) };
    store.advance(again).await.unwrap();
    assert_eq!(one.execute(order(1)).await.unwrap().attempts, 2);
    assert_eq!(one.execute(order(2)).await.unwrap().attempts, 1);
}
