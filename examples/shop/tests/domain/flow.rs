//! The life of an order.

use es_core::CommandError;
use es_core::prelude::Uuid;
use es_testing::prelude::*;
use shop::orders::flow::{OrderFlow, TIME_TO_PAY};
use shop::orders::order::{
    BackOrder, CancelOrder, CompleteOrder, Line, OrderCancelled, OrderCompleted, OrderError, OrderId,
    OrderReceived, OrderShipped, ShipGoods,
};
use shop::orders::payment::{
    CancelPayment, CustomerAskedToUpdateCard, FailPayment, PaymentFailed, PaymentReceived, RetrievePayment,
};
use shop::orders::stock::{
    ArticleNumber, BackOrderCreated, BackOrderFulfilled, FetchGoods, GoodsFetched, GoodsReserved,
    HandOverGoods, ReleaseGoods, ReserveGoods, StockError,
};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn ann() -> OrderId {
    OrderId::from("ann")
}

fn book() -> ArticleNumber {
    ArticleNumber::from("book")
}

fn lamp() -> ArticleNumber {
    ArticleNumber::from("lamp")
}

/// A book and two lamps.
fn received() -> OrderReceived {
    let lines =
        vec![Line { article: "book".into(), quantity: 1 }, Line { article: "lamp".into(), quantity: 2 }];
    OrderReceived {
        customer: "Ann".into(),
        email: "ann@example.org".into(),
        card: "4242".into(),
        lines,
        total: 10_990,
    }
}

fn reserved(quantity: u32) -> GoodsReserved {
    GoodsReserved { order: ann(), quantity }
}

fn paid() -> PaymentReceived {
    PaymentReceived { amount: 10_990, charge: Uuid::from_u128(1) }
}

fn fetch() -> [FetchGoods; 2] {
    [book(), lamp()].map(|article| FetchGoods { article, order: ann() })
}

fn fetched(quantity: u32) -> GoodsFetched {
    GoodsFetched { order: ann(), quantity }
}

fn release() -> [ReleaseGoods; 2] {
    [book(), lamp()].map(|article| ReleaseGoods { article, order: ann() })
}

fn ship() -> ShipGoods {
    ShipGoods { order: ann() }
}

/// Everything is there and paid, and on its way to the parcel.
fn reserved_for_ann() -> GivenReactor<OrderFlow> {
    reactor::<OrderFlow>().given(&ann(), received()).given(&book(), reserved(1)).given(&lamp(), reserved(2))
}

#[test]
fn ac_76_an_order_is_paid_fetched_and_shipped() {
    let [book_kept, lamps_kept] = [(book(), 1), (lamp(), 2)].map(|(article, quantity)| ReserveGoods {
        article,
        order: ann(),
        quantity,
    });
    let pay = RetrievePayment { order: ann(), amount: 10_990, card: "4242".into() };
    let [book_gone, lamps_gone] = [book(), lamp()].map(|article| HandOverGoods { article, order: ann() });
    reactor::<OrderFlow>()
        .when(&ann(), received())
        .then_commands((book_kept, lamps_kept, pay))
        .when(&book(), reserved(1))
        .then_no_commands()
        .when(&ann(), paid())
        .then_no_commands()
        .when(&lamp(), reserved(2))
        .then_commands(fetch().to_vec())
        .when(&book(), fetched(1))
        .then_no_commands()
        .when(&lamp(), fetched(2))
        .then_commands(ship())
        .when(&ann(), OrderShipped { tracking: "T1".into() })
        .then_commands((book_gone, lamps_gone, CompleteOrder { order: ann() }))
        .when(&ann(), OrderCompleted {})
        .then_ended(&ann());
}

#[test]
fn ac_76_what_comes_again_changes_nothing() {
    reserved_for_ann()
        .given(&ann(), paid())
        .when(&book(), fetched(1))
        .then_no_commands()
        .when_redelivered()
        .then_no_commands();
}

#[test]
fn ac_74_goods_that_come_late_are_shipped_late() {
    reactor::<OrderFlow>()
        .given(&ann(), (received(), paid()))
        .given(&book(), reserved(1))
        .when(&lamp(), BackOrderCreated { order: ann(), quantity: 2 })
        .then_commands(BackOrder { order: ann(), article: "lamp".into() })
        .when(&lamp(), BackOrderFulfilled { order: ann(), quantity: 2 })
        .then_commands(fetch().to_vec());
}

#[test]
fn ac_78_a_customer_has_seven_days_to_name_another_card() {
    reactor::<OrderFlow>()
        .given(&ann(), received())
        .when(&ann(), CustomerAskedToUpdateCard {})
        .then_no_commands()
        .then_timer(TIME_TO_PAY, FailPayment { order: ann() })
        .when_time_passes(6 * DAY)
        .then_no_commands()
        .when(&ann(), CustomerAskedToUpdateCard {})
        .then_timer(DAY, FailPayment { order: ann() })
        .when_time_passes(DAY)
        .then_commands(FailPayment { order: ann() })
        .when(&ann(), PaymentFailed {})
        .then_commands(CancelOrder { order: ann(), reason: "it was not paid".into() });
}

#[test]
fn ac_78_a_card_in_time_stops_the_clock() {
    reactor::<OrderFlow>()
        .given(&ann(), received())
        .when(&ann(), CustomerAskedToUpdateCard {})
        .then_no_commands()
        .when_time_passes(6 * DAY)
        .then_no_commands()
        .when(&ann(), paid())
        .then_no_commands()
        .when_time_passes(30 * DAY)
        .then_no_commands();
}

#[test]
fn a_cancelled_order_gives_everything_back() {
    let [book_back, lamps_back] = release();
    reactor::<OrderFlow>()
        .given(&ann(), received())
        .given(&book(), reserved(1))
        .when(&ann(), CustomerAskedToUpdateCard {})
        .then_no_commands()
        .when(&ann(), OrderCancelled { reason: "no".into() })
        .then_commands((book_back, lamps_back, CancelPayment { order: ann() }))
        .when(&ann(), paid())
        .then_no_commands()
        .when(&lamp(), reserved(2))
        .then_no_commands()
        .when_time_passes(30 * DAY)
        .then_no_commands();
}

#[test]
fn without_goods_there_is_no_order() {
    let [first, _] = fetch();
    reserved_for_ann()
        .when(&ann(), paid())
        .then_commands(fetch().to_vec())
        .when_refused(first, CommandError::Rejected(StockError::NotReserved(ann())))
        .then_commands(CancelOrder { order: ann(), reason: "the goods are gone".into() });
}

#[test]
fn what_was_fetched_for_a_cancelled_order_goes_back() {
    reserved_for_ann()
        .given(&ann(), paid())
        .given(&book(), fetched(1))
        .when(&lamp(), fetched(2))
        .then_commands(ship())
        .when_refused(ship(), CommandError::Rejected(OrderError::AlreadyCancelled))
        .then_commands(release().to_vec());
}
