//! Order management: orders, payments, stock and parcels. It knows nothing of carts, but for the name that a
//! letter says an order comes from.

pub mod bank;
pub mod flow;
pub mod inbox;
pub mod mail;
pub mod order;
pub mod payment;
pub mod publishes;
pub mod reports;
pub mod stock;

use bank::Bank;
use es_core::AppBuilder;
use es_core::prelude::*;
use es_core::store::SqliteStore;
use flow::OrderFlow;
use mail::ShippedMail;
use order::Order;
use payment::Payment;
use publishes::Publishes;
use reports::{DailyOrders, OrderList, StockLevels};
use stock::Stock;

/// Everything of this context that runs on any store. It needs a `dyn Post` to the other one, `dyn Cards` and
/// a `dyn Mailer`.
pub fn orders<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Order>()
        .aggregate::<Payment>()
        .aggregate::<Stock>()
        .reactor::<OrderFlow>()
        .reactor::<Bank>()
        .reactor::<ShippedMail>()
        .reactor::<Publishes>()
        .projection::<DailyOrders>()
        .projection::<OrderList>()
}

/// What only runs on SQLite: rows belong to one database.
pub fn rows(app: AppBuilder<SqliteStore>) -> AppBuilder<SqliteStore> {
    app.projection::<StockLevels>()
}
