//! When a reactor has something to do without an event, by what it keeps in the store.

use super::Inner;
use super::desk::list;
use super::document::Cell;
use super::park::{Row, Sequence};
use crate::app::App;
use crate::runtime::Halt;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The earliest time; the past for commands that are left to carry out.
///
/// # Errors
/// If what it keeps cannot be read.
pub(super) async fn due(inner: &Inner, app: &App) -> Result<Option<Timestamp>, Halt> {
    let mut aside: BTreeMap<String, Sequence> = BTreeMap::new();
    for stored in list(app, &inner.names.parked).await? {
        let row = Row::read(&stored)?;
        aside.entry(row.key.clone()).or_default().rows.insert(row.position, row);
    }
    let retries = aside.values().filter(|sequence| !sequence.is_parked());
    let mut times: Vec<Timestamp> = retries.filter_map(|sequence| sequence.first()?.next_at).collect();
    for stored in list(app, &inner.names.keys).await? {
        let Cell { key, document, .. } = Cell::of(stored)?;
        // What a key has to do waits behind what it has set aside.
        if !aside.contains_key(&key) {
            times.extend((!document.pending.is_empty()).then_some(Timestamp::MIN));
            times.extend(document.due());
        }
    }
    Ok(times.into_iter().min())
}
