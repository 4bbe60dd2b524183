//! What the shop looks like in the end.

use crate::error::ShopError;
use crate::orders::reports::{DailyOrders, OrderList};
use crate::shop::ShopFolder;

/// A row of the table of stock levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLevel {
    /// The article.
    pub article: String,
    /// How many can be sold.
    pub available: i64,
    /// How many are kept for orders.
    pub kept: i64,
    /// How many orders wait for.
    pub waiting: i64,
    /// How many have left.
    pub shipped: i64,
}

/// The stock levels, as whoever reads tables finds them.
///
/// # Errors
/// If the database cannot be read.
pub async fn stock_levels(folder: &ShopFolder) -> Result<Vec<StockLevel>, ShopError> {
    let levels = folder.orders().read(|connection| {
        let mut select = connection.prepare(
            "SELECT article, available, kept, waiting, shipped FROM stock_levels ORDER BY article",
        )?;
        let rows = select.query_map([], |row| {
            Ok(StockLevel {
                article: row.get(0)?,
                available: row.get(1)?,
                kept: row.get(2)?,
                waiting: row.get(3)?,
                shipped: row.get(4)?,
            })
        })?;
        rows.collect()
    });
    Ok(levels.await?)
}

/// The reports, as text.
///
/// # Errors
/// If a database cannot be read.
pub async fn report(folder: &ShopFolder) -> Result<String, ShopError> {
    let app = &folder.shop.orders.app;
    let mut lines = vec!["Orders".to_owned()];
    for (order, listed) in app.documents::<OrderList>().await? {
        let (status, total) = (format!("{:?}", listed.status).to_lowercase(), euros(listed.total));
        let note = listed.note.unwrap_or_default();
        let line = format!("  {order:<6} {:<14} {total:>9}  {status:<10} {note}", listed.customer);
        lines.push(line.trim_end().to_owned());
    }
    lines.push("\nDays: placed, turnover, shipped, cancelled".to_owned());
    for (day, daily) in app.documents::<DailyOrders>().await? {
        let DailyOrders { placed, turnover, shipped, cancelled } = daily;
        lines.push(format!("  {day} {placed:>3} {:>9} {shipped:>3} {cancelled:>3}", euros(turnover)));
    }
    lines.push("\nStock: available, kept, waited for, shipped".to_owned());
    for level in stock_levels(folder).await? {
        let StockLevel { article, available, kept, waiting, shipped } = level;
        lines.push(format!("  {article:<6} {available:>3} {kept:>3} {waiting:>3} {shipped:>3}"));
    }
    let path = folder.mailbox.folder();
    let mails = folder.mailbox.keys().map_err(|source| ShopError::Folder { path: path.into(), source })?;
    lines.push(format!("\n{} mails sent\n", mails.len()));
    Ok(lines.join("\n"))
}

/// `1234` as `12.34`.
fn euros(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
