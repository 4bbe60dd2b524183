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
pub mod stock_levels;

use bank::Bank;
use es_core::AppBuilder;
use flow::OrderFlow;
use mail::ShippedMail;
use order::Order;
use payment::Payment;
use publishes::Publishes;
use reports::{DailyOrders, OrderList};
use stock::Stock;
use stock_levels::ShowsStock;

/// Everything of this context. It needs a `dyn Post` to the other one, `dyn Cards` and a `dyn Mailer`. All of it
/// runs on any store, but for the stock levels: each kind of store shows them in its own way.
pub fn orders<S: ShowsStock>(app: AppBuilder<S>) -> AppBuilder<S> {
    S::mount(app)
        .aggregate::<Order>()
        .aggregate::<Payment>()
        .aggregate::<Stock>()
        .reactor::<OrderFlow>()
        .reactor::<Bank>()
        .reactor::<ShippedMail>()
        .reactor::<Publishes>()
        .projection::<DailyOrders>()
        .projection::<OrderList>()
}
