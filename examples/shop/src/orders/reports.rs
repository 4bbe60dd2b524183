//! What is read: two kinds of documents, and rows.

use super::order::{
    OrderBackOrdered, OrderCancelled, OrderCompleted, OrderId, OrderReceived, OrderShipped, Status,
};
use super::stock::{
    ArticleNumber, BackOrderCreated, BackOrderDropped, BackOrderFulfilled, GoodsReleased, GoodsReserved,
    GoodsShipped, StockReceived,
};
use es_core::prelude::*;
use es_core::rusqlite::params;

/// How many orders came, left and were cancelled on a day.
#[projection(key = Date, version = 1)]
pub struct DailyOrders {
    pub placed: u32,
    /// What was ordered, in cents.
    pub turnover: u64,
    pub shipped: u32,
    pub cancelled: u32,
}

#[projection]
impl DailyOrders {
    #[key(env.recorded_at.date())]
    fn placed(&mut self, e: &OrderReceived, env: &Envelope) {
        self.placed += 1;
        self.turnover += e.total;
    }

    #[key(env.recorded_at.date())]
    fn shipped(&mut self, _: &OrderShipped, env: &Envelope) {
        self.shipped += 1;
    }

    #[key(env.recorded_at.date())]
    fn cancelled(&mut self, _: &OrderCancelled, env: &Envelope) {
        self.cancelled += 1;
    }
}

/// How far each order is.
#[projection(key = OrderId, version = 1)]
pub struct OrderList {
    pub customer: String,
    /// In cents.
    pub total: u64,
    pub status: Status,
    /// The parcel's number, or why there is none.
    pub note: Option<String>,
}

#[projection]
impl OrderList {
    fn received(&mut self, e: &OrderReceived) {
        self.customer.clone_from(&e.customer);
        self.total = e.total;
    }

    fn back_ordered(&mut self, e: &OrderBackOrdered) {
        self.status = Status::BackOrdered;
        self.note = Some(format!("waits for {}", e.article));
    }

    fn shipped(&mut self, e: &OrderShipped) {
        self.status = Status::Shipped;
        self.note = Some(e.tracking.clone());
    }

    fn completed(&mut self, _: &OrderCompleted) {
        self.status = Status::Completed;
    }

    fn cancelled(&mut self, e: &OrderCancelled) {
        self.status = Status::Cancelled;
        self.note = Some(e.reason.clone());
    }
}

/// The stock of every article, for whoever reads tables: `select * from stock_levels`.
#[projection(version = 1)]
pub struct StockLevels;

/// By how much the numbers of an article change.
#[derive(Default)]
struct Change {
    available: i64,
    kept: i64,
    waiting: i64,
    shipped: i64,
}

impl Change {
    fn write(&self, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        let upsert = format!(
            "INSERT INTO {} VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET available = available + ?2, kept = kept + ?3,
                 waiting = waiting + ?4, shipped = shipped + ?5",
            tx.table("stock_levels")
        );
        let values = params![article.to_string(), self.available, self.kept, self.waiting, self.shipped];
        tx.execute(&upsert, values).map(|_| ())
    }
}

#[projection]
impl StockLevels {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        tx.execute_batch(&format!(
            "CREATE TABLE {} (article TEXT PRIMARY KEY, available INTEGER NOT NULL, kept INTEGER NOT NULL,
                 waiting INTEGER NOT NULL, shipped INTEGER NOT NULL) STRICT",
            tx.table("stock_levels")
        ))
    }

    fn received(&self, e: &StockReceived, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        Change { available: e.quantity.into(), ..Change::default() }.write(article, tx)
    }

    fn reserved(&self, e: &GoodsReserved, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        let quantity = i64::from(e.quantity);
        Change { available: -quantity, kept: quantity, ..Change::default() }.write(article, tx)
    }

    fn back_ordered(
        &self,
        e: &BackOrderCreated,
        article: &ArticleNumber,
        tx: &SqliteTx,
    ) -> Result<(), SqliteError> {
        Change { waiting: e.quantity.into(), ..Change::default() }.write(article, tx)
    }

    fn fulfilled(
        &self,
        e: &BackOrderFulfilled,
        article: &ArticleNumber,
        tx: &SqliteTx,
    ) -> Result<(), SqliteError> {
        let quantity = i64::from(e.quantity);
        let change = Change { available: -quantity, kept: quantity, waiting: -quantity, ..Change::default() };
        change.write(article, tx)
    }

    fn dropped(
        &self,
        e: &BackOrderDropped,
        article: &ArticleNumber,
        tx: &SqliteTx,
    ) -> Result<(), SqliteError> {
        Change { waiting: -i64::from(e.quantity), ..Change::default() }.write(article, tx)
    }

    fn released(&self, e: &GoodsReleased, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        let quantity = i64::from(e.quantity);
        Change { available: quantity, kept: -quantity, ..Change::default() }.write(article, tx)
    }

    fn shipped(&self, e: &GoodsShipped, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        let quantity = i64::from(e.quantity);
        Change { kept: -quantity, shipped: quantity, ..Change::default() }.write(article, tx)
    }
}
