//! Stock levels as rows in PostgreSQL: `select * from stock_levels`.

use super::Change;
use super::documents::StockLevel;
use crate::error::ShopError;
use crate::orders::stock::{
    ArticleNumber, BackOrderCreated, BackOrderDropped, BackOrderFulfilled, GoodsReleased, GoodsReserved,
    GoodsShipped, StockReceived,
};
use es_core::prelude::*;
use es_core::sqlx;
use es_core::store::PgStore;

/// A row for each article.
#[projection(version = 1)]
pub struct StockLevels;

#[projection]
impl StockLevels {
    async fn setup(tx: &mut PgTx) -> Result<(), PgError> {
        let create =
            "CREATE TABLE stock_levels (article text COLLATE \"C\" PRIMARY KEY, available bigint NOT NULL,
             kept bigint NOT NULL, waiting bigint NOT NULL, shipped bigint NOT NULL)";
        sqlx::query(create).execute(&mut **tx).await.map(|_| ())
    }

    async fn received(
        &self,
        e: &StockReceived,
        article: &ArticleNumber,
        tx: &mut PgTx,
    ) -> Result<(), PgError> {
        write(e.into(), article, tx).await
    }

    async fn reserved(
        &self,
        e: &GoodsReserved,
        article: &ArticleNumber,
        tx: &mut PgTx,
    ) -> Result<(), PgError> {
        write(e.into(), article, tx).await
    }

    async fn back_ordered(
        &self,
        e: &BackOrderCreated,
        article: &ArticleNumber,
        tx: &mut PgTx,
    ) -> Result<(), PgError> {
        write(e.into(), article, tx).await
    }

    async fn fulfilled(
        &self,
        e: &BackOrderFulfilled,
        article: &ArticleNumber,
        tx: &mut PgTx,
    ) -> Result<(), PgError> {
        write(e.into(), article, tx).await
    }

    async fn dropped(
        &self,
        e: &BackOrderDropped,
        article: &ArticleNumber,
        tx: &mut PgTx,
    ) -> Result<(), PgError> {
        write(e.into(), article, tx).await
    }

    async fn released(
        &self,
        e: &GoodsReleased,
        article: &ArticleNumber,
        tx: &mut PgTx,
    ) -> Result<(), PgError> {
        write(e.into(), article, tx).await
    }

    async fn shipped(&self, e: &GoodsShipped, article: &ArticleNumber, tx: &mut PgTx) -> Result<(), PgError> {
        write(e.into(), article, tx).await
    }
}

async fn write(change: Change, article: &ArticleNumber, tx: &mut PgTx) -> Result<(), PgError> {
    let upsert = "INSERT INTO stock_levels AS level VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (article) DO UPDATE SET available = level.available + $2, kept = level.kept + $3,
             waiting = level.waiting + $4, shipped = level.shipped + $5";
    let Change { available, kept, waiting, shipped } = change;
    let upsert = sqlx::query(upsert).bind(article.to_string()).bind(available).bind(kept);
    upsert.bind(waiting).bind(shipped).execute(&mut **tx).await.map(|_| ())
}

/// All of them, by article, as whoever reads tables finds them.
///
/// # Errors
/// If the database cannot be read.
pub async fn read(store: &PgStore) -> Result<Vec<(String, StockLevel)>, ShopError> {
    let select = "SELECT article, available, kept, waiting, shipped FROM stock_levels ORDER BY article";
    let rows: Vec<(String, i64, i64, i64, i64)> =
        store.read(async |connection| sqlx::query_as(select).fetch_all(connection).await).await?;
    let level = |(article, available, kept, waiting, shipped)| {
        (article, StockLevel { available, kept, waiting, shipped })
    };
    Ok(rows.into_iter().map(level).collect())
}
