//! Stock levels as documents: every store keeps them.

use super::Change;
use crate::error::ShopError;
use crate::orders::stock::{
    ArticleNumber, BackOrderCreated, BackOrderDropped, BackOrderFulfilled, GoodsReleased, GoodsReserved,
    GoodsShipped, StockReceived,
};
use es_core::prelude::*;

/// The stock of an article.
#[projection(name = "stock_levels", key = ArticleNumber, version = 1)]
#[derive(Eq)]
pub struct StockLevel {
    /// How many can be sold.
    pub available: i64,
    /// How many are kept for orders.
    pub kept: i64,
    /// How many orders wait for.
    pub waiting: i64,
    /// How many have left.
    pub shipped: i64,
}

impl StockLevel {
    fn change(&mut self, change: Change) {
        self.available += change.available;
        self.kept += change.kept;
        self.waiting += change.waiting;
        self.shipped += change.shipped;
    }
}

#[projection]
impl StockLevel {
    fn received(&mut self, e: &StockReceived) {
        self.change(e.into());
    }

    fn reserved(&mut self, e: &GoodsReserved) {
        self.change(e.into());
    }

    fn back_ordered(&mut self, e: &BackOrderCreated) {
        self.change(e.into());
    }

    fn fulfilled(&mut self, e: &BackOrderFulfilled) {
        self.change(e.into());
    }

    fn dropped(&mut self, e: &BackOrderDropped) {
        self.change(e.into());
    }

    fn released(&mut self, e: &GoodsReleased) {
        self.change(e.into());
    }

    fn shipped(&mut self, e: &GoodsShipped) {
        self.change(e.into());
    }
}

/// All of them, by article.
///
/// # Errors
/// If the store cannot be read.
pub async fn read(app: &App) -> Result<Vec<(String, StockLevel)>, ShopError> {
    let levels = app.documents::<StockLevel>().await?;
    Ok(levels.into_iter().map(|(article, level)| (article.to_string(), level)).collect())
}
