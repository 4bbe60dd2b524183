//! What the shop looks like in the end.

use crate::error::ShopError;
use crate::orders::reports::{DailyOrders, OrderList};
use crate::orders::stock_levels::documents::StockLevel;
use crate::shop::ShopFolder;

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
    for (article, level) in folder.stock_levels().await? {
        let StockLevel { available, kept, waiting, shipped } = level;
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
