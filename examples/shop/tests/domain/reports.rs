//! What is read. The rows of stock levels need a database, and are looked at in the story.

use es_core::jiff::civil::date;
use es_testing::prelude::*;
use shop::ecommerce::cart::CartId;
use shop::ecommerce::purchase::{
    CardAskedFor, CardReplaced, PurchaseDelayed, PurchaseList, PurchaseShipped, PurchaseStarted, Stage,
};
use shop::orders::order::{
    OrderBackOrdered, OrderCancelled, OrderCompleted, OrderId, OrderReceived, OrderShipped, Status,
};
use shop::orders::reports::{DailyOrders, OrderList};

fn order(name: &str) -> OrderId {
    OrderId::from(name)
}

fn received(total: u64) -> OrderReceived {
    OrderReceived {
        customer: "Ann".into(),
        email: "ann@example.org".into(),
        card: "4242".into(),
        lines: Vec::new(),
        total,
    }
}

fn shipped() -> OrderShipped {
    OrderShipped { tracking: "T1".into() }
}

fn cancelled() -> OrderCancelled {
    OrderCancelled { reason: "no".into() }
}

#[test]
fn ac_22_orders_are_counted_by_day() {
    projection::<DailyOrders>()
        .at("2026-03-02T08:00:00Z".parse().unwrap())
        .given(&order("ann"), received(1_990))
        .given(&order("ben"), received(4_500))
        .at("2026-03-03T00:00:00Z".parse().unwrap())
        .given(&order("carla"), received(1))
        .given(&order("ann"), shipped())
        .given(&order("ben"), cancelled())
        .then(&date(2026, 3, 2), DailyOrders { placed: 2, turnover: 6_490, shipped: 0, cancelled: 0 })
        .then(&date(2026, 3, 3), DailyOrders { placed: 1, turnover: 1, shipped: 1, cancelled: 1 })
        .then_none(&date(2026, 3, 4));
}

#[test]
fn an_order_is_listed_with_what_is_to_be_known_of_it() {
    let listed = |status, note: &str| OrderList {
        customer: "Ann".into(),
        total: 1_990,
        status,
        note: Some(note.to_owned()),
    };
    let (ann, ben) = (order("ann"), order("ben"));
    projection::<OrderList>()
        .given(&ann, events![received(1_990), OrderBackOrdered { article: "mug".into() }])
        .then(&ann, listed(Status::BackOrdered, "waits for mug"))
        .given(&ann, events![shipped(), OrderCompleted {}])
        .given(&ben, events![received(1_990), cancelled()])
        .then_documents([
            (ann.clone(), listed(Status::Completed, "T1")),
            (ben, listed(Status::Cancelled, "no")),
        ]);
}

#[test]
fn a_customer_sees_how_far_a_purchase_is() {
    let ann = CartId::from("ann");
    let started = PurchaseStarted {
        customer: "Ann".into(),
        email: "ann@example.org".into(),
        card: "0002".into(),
        items: Vec::new(),
    };
    let seen = |card_wanted, delayed: &[&str], stage| PurchaseList {
        customer: "Ann".into(),
        stage,
        card_wanted,
        delayed: delayed.iter().map(|article| (*article).to_owned()).collect(),
    };
    projection::<PurchaseList>()
        .given(&ann, events![started, CardAskedFor {}])
        .then(&ann, seen(true, &[], Stage::Bought))
        .given(&ann, PurchaseDelayed { article: "mug".into() })
        .then(&ann, seen(true, &["mug"], Stage::Bought))
        .given(&ann, CardReplaced { card: "4242".into() })
        .then(&ann, seen(false, &["mug"], Stage::Bought))
        .given(&ann, PurchaseShipped { tracking: "T1".into() })
        .then(&ann, seen(false, &[], Stage::Shipped { tracking: "T1".into() }));
}
