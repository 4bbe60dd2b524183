//! Inline reactors: what they answer is in the commit that they answer, or there is no commit.

mod shop;

mod depth;
mod memory;
mod outdated;
mod versions;

use crate::kit::Place;
use crate::probe::Fate;
use es_core::prelude::*;
use es_testing::prelude::*;
use serde_json::json;
use shop::{
    Fulfilment, Order, OrderError, OrderPlaced, Quota, Reservation, Reserve, Short, Stock, Wish, WishOrder,
    log, pens, place, restock, shop, shop_with,
};

on_every_store! {
    not on nats: "an app with inline reactors is not built there";
    an_answer_is_in_the_commit
    an_answer_on_the_same_stream_sees_what_it_answers
    a_refused_answer_refuses_the_command
    a_command_keeps_its_own_errors
    a_conflict_on_the_stream_of_an_answer_repeats_both
    a_refused_answer_is_decided_on_a_state_that_was_checked
    an_answer_with_nothing_to_do_is_decided_on_a_state_that_was_checked
    an_expected_version_is_that_of_the_commands_own_stream
    a_repeated_command_changes_nothing
    a_commit_that_nobody_heard_of_is_stored_once
    a_group_has_its_events_answered
    a_refused_answer_refuses_the_group
    a_command_from_json_has_its_events_answered
    a_command_of_another_reactor_has_its_events_answered
    the_states_behind_a_commit_are_kept
    an_answer_says_what_it_answers
}

async fn an_answer_is_in_the_commit(at: Place) {
    let app = shop_with(&at, 5).await;
    let store = at.open().await;
    let app_of_store = shop(store.clone()).await;
    let done = app_of_store.execute(place("one", 2)).await.unwrap();
    assert_eq!((done.version, done.position, done.events.len(), done.attempts), (1, Position(2), 1, 1));
    assert_eq!(store.counted().appends, 1);
    assert_eq!(
        log(&at).await,
        [
            "stock-pen Restocked",
            "order-one OrderPlaced",
            "order-one OrderConfirmed",
            "stock-pen StockReserved"
        ]
    );
    assert_eq!(pens(&at).await, 3);
    drop(app);
}

async fn an_answer_on_the_same_stream_sees_what_it_answers(at: Place) {
    let app = shop_with(&at, 5).await;
    let done = app.execute(place("one", 1)).await.unwrap();
    // What was decided is what the command itself has raised; the commit went on.
    assert!(!done.state.unwrap().confirmed);
    let order = app.load::<Order>(&"one".to_owned()).await.unwrap().unwrap();
    assert_eq!((order.confirmed, order.version()), (true, 2));
}

async fn a_refused_answer_refuses_the_command(at: Place) {
    let app = shop_with(&at, 1).await;
    let refused = app.execute(place("one", 2)).await.unwrap_err();
    let CommandError::Inline { reactor, source } = refused else { panic!("{refused}") };
    assert_eq!(reactor, "reservation");
    let inner: &CommandError<DomainError> = source.downcast_ref().unwrap();
    let CommandError::Rejected(inner) = inner else { panic!("{inner}") };
    assert_eq!(inner.downcast_ref(), Some(&Short { left: 1 }));
    assert_eq!(log(&at).await, ["stock-pen Restocked"]);
    assert!(app.load::<Order>(&"one".to_owned()).await.unwrap().is_none());
}

async fn a_command_keeps_its_own_errors(at: Place) {
    let app = shop_with(&at, 5).await;
    let refused = app.execute(place("one", 0)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(OrderError::Nothing)), "{refused}");
    app.execute(place("one", 1)).await.unwrap();
    let refused = app.execute(place("one", 1)).await.unwrap_err();
    assert!(matches!(refused, CommandError::AlreadyExists { .. }), "{refused}");
}

async fn a_conflict_on_the_stream_of_an_answer_repeats_both(at: Place) {
    let other = shop_with(&at, 5).await;
    let store = at.open().await;
    let app = shop(store.clone()).await;
    app.execute(restock(1)).await.unwrap();
    let rival = async move {
        other.execute(place("theirs", 4)).await.unwrap();
    };
    store.fates([Fate::After(Box::pin(rival))]);
    let done = app.execute(place("ours", 2)).await.unwrap();
    assert_eq!(done.attempts, 2);
    assert_eq!(pens(&at).await, 0);
    // The same, where what is left is not enough any more.
    let (store, other) = (at.open().await, shop(at.open().await).await);
    let app = shop(store.clone()).await;
    app.execute(restock(3)).await.unwrap();
    let rival = async move {
        other.execute(Reserve { sku: "pen".into(), order: "ours".into(), quantity: 2 }).await.unwrap();
    };
    store.fates([Fate::After(Box::pin(rival))]);
    let refused = app.execute(place("late", 2)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Inline { .. }), "{refused}");
    assert!(at.names(&Order::stream(&"late".to_owned())).await.is_empty());
    assert_eq!(pens(&at).await, 1);
}

async fn a_refused_answer_is_decided_on_a_state_that_was_checked(at: Place) {
    let app = shop_with(&at, 1).await;
    app.execute(place("one", 1)).await.unwrap();
    // This process still believes that none is left.
    shop(at.open().await).await.execute(restock(1)).await.unwrap();
    let done = app.execute(place("two", 1)).await.unwrap();
    assert_eq!((done.attempts, pens(&at).await), (1, 0));
}

async fn an_answer_with_nothing_to_do_is_decided_on_a_state_that_was_checked(at: Place) {
    let app = shop_with(&at, 5).await;
    let store = at.open().await;
    let behind = shop(store.clone()).await;
    app.execute(place("one", 1)).await.unwrap();
    behind.load::<Order>(&"one".to_owned()).await.unwrap();
    behind.load::<Stock>(&"pen".to_owned()).await.unwrap();
    store.counted();
    let reserve = Reserve { sku: "pen".into(), order: "one".into(), quantity: 1 };
    let done = behind.execute(reserve).await.unwrap();
    // The order was confirmed before; that it still is was looked up.
    assert_eq!((done.attempts, store.counted().reads.len()), (1, 2));
    assert_eq!(pens(&at).await, 3);
}

async fn an_expected_version_is_that_of_the_commands_own_stream(at: Place) {
    let app = shop_with(&at, 5).await;
    let refused = app.execute(restock(1)).expect_version(7).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { attempts: 1 }), "{refused}");
    app.execute(place("one", 1)).expect_version(0).await.unwrap();
    assert_eq!(pens(&at).await, 4);
}

async fn a_repeated_command_changes_nothing(at: Place) {
    let app = shop_with(&at, 5).await;
    let id = CommandId::named("order:1");
    let first = app.execute(place("one", 2)).id(id).await.unwrap();
    let before = log(&at).await;
    for app in [app, shop(at.open().await).await] {
        let again = app.execute(place("one", 2)).id(id).await.unwrap();
        assert!(again.duplicate);
        assert_eq!((again.version, again.position), (first.version, first.position));
        assert_eq!(again.events, first.events);
    }
    assert_eq!(log(&at).await, before);
}

async fn a_commit_that_nobody_heard_of_is_stored_once(at: Place) {
    shop_with(&at, 5).await;
    let store = at.open().await;
    let app = shop(store.clone()).await;
    for (order, fate) in [("one", Fate::StoredUnheard), ("two", Fate::LostUnheard)] {
        store.fates([fate]);
        let done = app.execute(place(order, 1)).await.unwrap();
        assert_eq!((done.duplicate, done.events.len()), (order == "one", 1));
    }
    assert_eq!((pens(&at).await, log(&at).await.len()), (3, 7));
    // The states that were kept are the stored ones.
    assert_eq!(app.load::<Stock>(&"pen".to_owned()).await.unwrap().unwrap().left, 3);
    app.execute(place("three", 3)).await.unwrap();
}

async fn a_group_has_its_events_answered(at: Place) {
    let app = shop_with(&at, 1).await;
    let (restocked, one, two) =
        app.execute_all((restock(4), place("one", 2), place("two", 3))).await.unwrap();
    assert_eq!((restocked.version, one.version, two.version), (2, 1, 1));
    assert_eq!(pens(&at).await, 0);
    for (order, done) in [("one", one), ("two", two)] {
        let stored = at.stored(&Order::stream(&order.to_owned())).await;
        assert_eq!((stored.len(), stored[0].position), (2, done.position));
    }
}

async fn a_refused_answer_refuses_the_group(at: Place) {
    let app = shop_with(&at, 1).await;
    let refused = app.execute_all(vec![place("one", 1), place("two", 1)]).await.unwrap_err();
    assert!(matches!(refused, CommandError::Inline { .. }), "{refused}");
    assert_eq!(log(&at).await, ["stock-pen Restocked"]);
}

async fn a_command_from_json_has_its_events_answered(at: Place) {
    let app = shop_with(&at, 1).await;
    let order = |order: &str| json!({ "order": order, "customer": "ann", "sku": "pen", "quantity": 1 });
    let done = app.execute_json("PlaceOrder", order("one")).await.unwrap();
    assert_eq!((&done["version"], &done["events"]), (&json!(1), &json!(["OrderPlaced"])));
    let refused = app.execute_json("PlaceOrder", order("two")).await.unwrap_err();
    let DispatchError::Command(CommandError::Inline { reactor, .. }) = refused else { panic!("{refused}") };
    assert_eq!((reactor.as_str(), pens(&at).await), ("reservation", 0));
}

async fn a_command_of_another_reactor_has_its_events_answered(at: Place) {
    shop_with(&at, 1).await;
    let app = App::builder(at.open().await)
        .aggregate::<Order>()
        .aggregate::<Stock>()
        .aggregate::<Wish>()
        .reactor::<Reservation>()
        .reactor::<Fulfilment>()
        .build()
        .await
        .unwrap();
    for order in ["one", "two"] {
        app.execute(WishOrder { wish: "ann".into(), order: order.into() }).await.unwrap();
    }
    app.drain().await.unwrap();
    assert_eq!(pens(&at).await, 0);
    assert_eq!(at.names(&Order::stream(&"one".to_owned())).await, ["OrderPlaced", "OrderConfirmed"]);
    // The second is refused by its answer, as a refused command of a reactor is.
    assert!(at.names(&Order::stream(&"two".to_owned())).await.is_empty());
    let parked = app.parked("fulfilment").await.unwrap();
    assert_eq!(parked.len(), 1);
}

async fn the_states_behind_a_commit_are_kept(at: Place) {
    shop_with(&at, 5).await;
    let store = at.open().await;
    let app = shop(store.clone()).await;
    app.execute(place("one", 1)).await.unwrap();
    store.counted();
    app.execute(place("two", 1)).await.unwrap();
    // Nothing but the new stream was read.
    assert_eq!((store.counted().reads, pens(&at).await), (vec![0], 3));
    let fresh = shop(at.open().await).await;
    for app in [&app, &fresh] {
        let order = app.load::<Order>(&"two".to_owned()).await.unwrap().unwrap();
        assert_eq!((order.version(), order.position()), (2, Position(6)));
    }
}

async fn an_answer_says_what_it_answers(at: Place) {
    let app = shop_with(&at, 5).await;
    let said = Metadata::new().with("channel", "web");
    let id = CommandId::named("order:1");
    app.execute(place("one", 1)).id(id).by("ann").metadata(said).await.unwrap();
    let placed = at.stored(&Order::stream(&"one".to_owned())).await.remove(0);
    let reserved = app.history::<Stock>(&"pen".to_owned()).await.unwrap().remove(1);
    let metadata = &reserved.envelope.metadata;
    assert_eq!(metadata.causation_id, Some(placed.id));
    assert_eq!(metadata.correlation_id, Some(id.as_uuid()));
    assert_eq!(metadata.command.as_deref(), Some("Reserve"));
}

#[test]
fn its_commands_are_data_in_a_scenario() {
    let placed = OrderPlaced { customer: "ann".into(), sku: "pen".into(), quantity: 2 };
    let reserve = Reserve { sku: "pen".into(), order: "one".into(), quantity: 2 };
    reactor::<Reservation>().when(&"one".to_owned(), placed.clone()).then_commands(reserve);
    reactor::<Quota>()
        .given(&"one".to_owned(), placed.clone())
        .when(&"two".to_owned(), placed)
        .then_no_commands()
        .then_state(&"ann".to_owned(), |quota| assert_eq!(quota.orders, 2));
}
