//! The stock of every article, in what the store has for it: a table where it is a database, documents elsewhere.
//!
//! What changes with an event stands here, once. How it is written is a projection's matter, and rows belong to one
//! database: so there is one of documents, one for [`sqlite`] and one for [`postgres`], all of one name.
//! [`ShowsStock`] picks the right one by the type of the store, when the app is built.

pub mod documents;
pub mod postgres;
pub mod sqlite;

use super::stock::{
    BackOrderCreated, BackOrderDropped, BackOrderFulfilled, GoodsReleased, GoodsReserved, GoodsShipped,
    StockReceived,
};
use crate::error::ShopError;
use documents::StockLevel;
use es_core::AppBuilder;
use es_core::prelude::*;
use es_core::store::{MemoryStore, NatsStore, PgStore, SqliteStore};

/// A store that keeps the stock levels in its own way.
pub trait ShowsStock: EventStore + Clone + Sized {
    /// Mounts the projection that this store can keep.
    fn mount(app: AppBuilder<Self>) -> AppBuilder<Self>;

    /// What that has written, by article.
    fn stock_levels(
        &self,
        app: &App,
    ) -> impl Future<Output = Result<Vec<(String, StockLevel)>, ShopError>> + Send;
}

impl ShowsStock for SqliteStore {
    fn mount(app: AppBuilder<Self>) -> AppBuilder<Self> {
        app.projection::<sqlite::StockLevels>()
    }

    async fn stock_levels(&self, _: &App) -> Result<Vec<(String, StockLevel)>, ShopError> {
        sqlite::read(self).await
    }
}

impl ShowsStock for PgStore {
    fn mount(app: AppBuilder<Self>) -> AppBuilder<Self> {
        app.projection::<postgres::StockLevels>()
    }

    async fn stock_levels(&self, _: &App) -> Result<Vec<(String, StockLevel)>, ShopError> {
        postgres::read(self).await
    }
}

impl ShowsStock for NatsStore {
    fn mount(app: AppBuilder<Self>) -> AppBuilder<Self> {
        app.projection::<StockLevel>()
    }

    async fn stock_levels(&self, app: &App) -> Result<Vec<(String, StockLevel)>, ShopError> {
        documents::read(app).await
    }
}

impl ShowsStock for MemoryStore {
    fn mount(app: AppBuilder<Self>) -> AppBuilder<Self> {
        app.projection::<StockLevel>()
    }

    async fn stock_levels(&self, app: &App) -> Result<Vec<(String, StockLevel)>, ShopError> {
        documents::read(app).await
    }
}

/// By how much the numbers of an article change.
#[derive(Clone, Copy, Default)]
pub struct Change {
    available: i64,
    kept: i64,
    waiting: i64,
    shipped: i64,
}

impl From<&StockReceived> for Change {
    fn from(e: &StockReceived) -> Self {
        Self { available: e.quantity.into(), ..Self::default() }
    }
}

impl From<&GoodsReserved> for Change {
    fn from(e: &GoodsReserved) -> Self {
        let quantity = i64::from(e.quantity);
        Self { available: -quantity, kept: quantity, ..Self::default() }
    }
}

impl From<&BackOrderCreated> for Change {
    fn from(e: &BackOrderCreated) -> Self {
        Self { waiting: e.quantity.into(), ..Self::default() }
    }
}

impl From<&BackOrderFulfilled> for Change {
    fn from(e: &BackOrderFulfilled) -> Self {
        let quantity = i64::from(e.quantity);
        Self { available: -quantity, kept: quantity, waiting: -quantity, ..Self::default() }
    }
}

impl From<&BackOrderDropped> for Change {
    fn from(e: &BackOrderDropped) -> Self {
        Self { waiting: -i64::from(e.quantity), ..Self::default() }
    }
}

impl From<&GoodsReleased> for Change {
    fn from(e: &GoodsReleased) -> Self {
        let quantity = i64::from(e.quantity);
        Self { available: quantity, kept: -quantity, ..Self::default() }
    }
}

impl From<&GoodsShipped> for Change {
    fn from(e: &GoodsShipped) -> Self {
        let quantity = i64::from(e.quantity);
        Self { kept: -quantity, shipped: quantity, ..Self::default() }
    }
}
