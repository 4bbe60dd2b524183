//! The warehouse.

use es_testing::prelude::*;
use shop::orders::order::OrderId;
use shop::orders::stock::{
    ArticleNumber, BackOrderCreated, BackOrderDropped, BackOrderFulfilled, FetchGoods, GoodsFetched,
    GoodsReleased, GoodsReserved, GoodsShipped, HandOverGoods, ItemOutOfStock, ROOM, ReceiveStock,
    ReleaseGoods, ReserveGoods, Stock, StockError, StockReceived,
};

fn mug() -> ArticleNumber {
    ArticleNumber::from("mug")
}

fn id(order: &str) -> OrderId {
    OrderId::from(order)
}

fn received(quantity: u32) -> StockReceived {
    StockReceived { quantity }
}

fn receive(quantity: u32) -> ReceiveStock {
    ReceiveStock { article: mug(), quantity }
}

fn reserved(order: &str, quantity: u32) -> GoodsReserved {
    GoodsReserved { order: id(order), quantity }
}

fn reserve(order: &str, quantity: u32) -> ReserveGoods {
    ReserveGoods { article: mug(), order: id(order), quantity }
}

fn waits(order: &str, quantity: u32) -> BackOrderCreated {
    BackOrderCreated { order: id(order), quantity }
}

fn fulfilled(order: &str, quantity: u32) -> BackOrderFulfilled {
    BackOrderFulfilled { order: id(order), quantity }
}

fn fetch(order: &str) -> FetchGoods {
    FetchGoods { article: mug(), order: id(order) }
}

fn release(order: &str) -> ReleaseGoods {
    ReleaseGoods { article: mug(), order: id(order) }
}

#[test]
fn ac_54_what_is_reserved_fetched_and_shipped_is_not_there_any_more() {
    given(received(10))
        .when(reserve("ann", 3))
        .then(reserved("ann", 3))
        .when(fetch("ann"))
        .then(GoodsFetched { order: id("ann"), quantity: 3 })
        .when(HandOverGoods { article: mug(), order: id("ann") })
        .then(GoodsShipped { order: id("ann"), quantity: 3 })
        .then_state(|stock: &Stock| {
            assert_eq!((stock.available, stock.kept.len(), stock.waiting.len()), (7, 0, 0));
        });
}

#[test]
fn an_order_is_answered_once() {
    given(received(10)).when(reserve("ann", 3)).when(reserve("ann", 3)).then_nothing();
    given_nothing().when(reserve("ann", 3)).when(reserve("ann", 3)).then_nothing();
}

#[test]
fn ac_74_what_is_out_of_stock_is_waited_for() {
    given(received(2))
        .when(reserve("ann", 3))
        .then(events![ItemOutOfStock { available: 2 }, waits("ann", 3)])
        .when(receive(1))
        .then(events![received(1), fulfilled("ann", 3)])
        .then_state(|stock| assert_eq!(stock.available, 0));
}

#[test]
fn ac_74_the_older_order_comes_first() {
    given((waits("eve", 1), waits("fred", 1)))
        .when(receive(1))
        .then(events![received(1), fulfilled("eve", 1)])
        .when(receive(1))
        .then(events![received(1), fulfilled("fred", 1)]);
}

#[test]
fn an_order_of_many_is_not_passed_over() {
    given((received(1), waits("gina", 2)))
        .when(reserve("hugo", 1))
        .then(events![ItemOutOfStock { available: 1 }, waits("hugo", 1)])
        .when(receive(2))
        .then(events![received(2), fulfilled("gina", 2), fulfilled("hugo", 1)]);
}

#[test]
fn what_is_released_goes_to_whoever_waits() {
    given((received(1), reserved("dan", 1), waits("hugo", 1)))
        .when(release("dan"))
        .then(events![GoodsReleased { order: id("dan"), quantity: 1 }, fulfilled("hugo", 1)])
        .when(release("dan"))
        .then_nothing();
}

#[test]
fn who_gives_up_waiting_makes_room_for_others() {
    given((received(1), waits("gina", 2), waits("hugo", 1)))
        .when(release("gina"))
        .then(events![BackOrderDropped { order: id("gina"), quantity: 2 }, fulfilled("hugo", 1)]);
}

#[test]
fn only_what_is_kept_is_fetched() {
    given((received(1), waits("gina", 2)))
        .when(fetch("gina"))
        .then_error(StockError::NotReserved(id("gina")))
        .when(HandOverGoods { article: mug(), order: id("gina") })
        .then_nothing();
    given((received(1), reserved("ann", 1))).when(fetch("ann")).when(fetch("ann")).then_nothing();
}

#[test]
fn there_are_never_more_than_there_is_room_for() {
    given_nothing()
        .when(receive(u32::MAX))
        .then_error(StockError::TooMany(u32::MAX))
        .when(receive(ROOM))
        .then(received(ROOM))
        .when(receive(1))
        .then_error(StockError::TooMany(1))
        .when(reserve("ann", 1))
        .then(reserved("ann", 1))
        .when(receive(1))
        .then_error(StockError::TooMany(1));
}
