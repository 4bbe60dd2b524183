//! What has to hold of every projection that keeps rows.

use super::tables::{Content, Tables};
use crate::fault::Fault;
use crate::laws::broken_law;
use es_core::__private::MountOn;
use es_core::store::{SqliteStore, StoredEvent};
use std::collections::BTreeSet;

const REBUILD: &str = "a rebuild gives the same rows";
const BATCHES: &str = "one batch and many batches give the same rows";

/// The tables that these events lead to, however they come.
pub(super) async fn tables<P: MountOn<SqliteStore>>(events: &[StoredEvent]) -> Result<Tables<P>, Fault> {
    let tables = Tables::<P>::open().await?;
    tables.take(events).await?;
    let once = tables.content().await?;
    tables.rebuild().await?;
    let lines = differences(&tables.content().await?, &once);
    if !lines.is_empty() {
        let hint = "a projection uses its event, its envelope and its own rows, and nothing else";
        return Err(broken(REBUILD, "the second time ≠ the first time:", lines, hint));
    }
    let mut stepwise = Tables::<P>::open().await?;
    for event in events {
        stepwise.take(std::slice::from_ref(event)).await?;
        stepwise.restart().await?;
    }
    let lines = differences(&stepwise.content().await?, &once);
    stepwise.close().await;
    if !lines.is_empty() {
        let hint = "between batches, a projection is what stands in its tables";
        return Err(broken(BATCHES, "event by event, each time in a new app ≠ in one batch:", lines, hint));
    }
    Ok(tables)
}

fn broken(law: &str, what: &str, lines: Vec<String>, hint: &str) -> Fault {
    broken_law(law, [what.to_owned()].into_iter().chain(lines).chain([hint.to_owned()]))
}

/// A line for each table that differs. One without rows may not be there: the first event makes it.
fn differences(actual: &Content, expected: &Content) -> Vec<String> {
    let names: BTreeSet<_> = actual.keys().chain(expected.keys()).collect();
    let text = |content: &Content, name: &String| {
        content
            .get(name)
            .filter(|rows| !rows.is_empty())
            .map_or_else(|| "no rows".to_owned(), |rows| rows.join(", "))
    };
    let pairs = names.into_iter().map(|name| (name, text(actual, name), text(expected, name)));
    pairs.filter(|(_, a, e)| a != e).map(|(name, a, e)| format!("{name}: {a} ≠ {e}")).collect()
}
