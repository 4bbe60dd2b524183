//! Stock levels as rows in SQLite: `select * from stock_levels`.

use super::Change;
use super::documents::StockLevel;
use crate::error::ShopError;
use crate::orders::stock::{
    ArticleNumber, BackOrderCreated, BackOrderDropped, BackOrderFulfilled, GoodsReleased, GoodsReserved,
    GoodsShipped, StockReceived,
};
use es_core::prelude::*;
use es_core::rusqlite::params;
use es_core::store::SqliteStore;

/// A row for each article.
#[projection(version = 1)]
pub struct StockLevels;

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
        write(e.into(), article, tx)
    }

    fn reserved(&self, e: &GoodsReserved, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        write(e.into(), article, tx)
    }

    fn back_ordered(
        &self,
        e: &BackOrderCreated,
        article: &ArticleNumber,
        tx: &SqliteTx,
    ) -> Result<(), SqliteError> {
        write(e.into(), article, tx)
    }

    fn fulfilled(
        &self,
        e: &BackOrderFulfilled,
        article: &ArticleNumber,
        tx: &SqliteTx,
    ) -> Result<(), SqliteError> {
        write(e.into(), article, tx)
    }

    fn dropped(
        &self,
        e: &BackOrderDropped,
        article: &ArticleNumber,
        tx: &SqliteTx,
    ) -> Result<(), SqliteError> {
        write(e.into(), article, tx)
    }

    fn released(&self, e: &GoodsReleased, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        write(e.into(), article, tx)
    }

    fn shipped(&self, e: &GoodsShipped, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
        write(e.into(), article, tx)
    }
}

fn write(change: Change, article: &ArticleNumber, tx: &SqliteTx) -> Result<(), SqliteError> {
    let upsert = format!(
        "INSERT INTO {} VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET available = available + ?2, kept = kept + ?3,
             waiting = waiting + ?4, shipped = shipped + ?5",
        tx.table("stock_levels")
    );
    let Change { available, kept, waiting, shipped } = change;
    tx.execute(&upsert, params![article.to_string(), available, kept, waiting, shipped]).map(|_| ())
}

/// All of them, by article, as whoever reads tables finds them.
///
/// # Errors
/// If the database cannot be read.
pub async fn read(store: &SqliteStore) -> Result<Vec<(String, StockLevel)>, ShopError> {
    let levels = store.read(|connection| {
        let mut select = connection.prepare(
            "SELECT article, available, kept, waiting, shipped FROM stock_levels ORDER BY article",
        )?;
        let rows = select.query_map([], |row| {
            let (available, kept, waiting, shipped) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, StockLevel { available, kept, waiting, shipped }))
        })?;
        rows.collect()
    });
    Ok(levels.await?)
}
