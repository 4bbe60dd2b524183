//! What has to hold of every projection.

use super::documents::{Course, Documents, value};
use crate::diff;
use crate::fault::Fault;
use crate::laws::broken_law;
use es_core::serde_json;
use es_core::{Document, RawEvent};

const ROUND_TRIP: &str = "documents survive a serde round trip";
const REBUILD: &str = "a rebuild gives the same documents";
const BATCHES: &str = "one batch, many batches and repeated events give the same documents";

/// A document as it is read back.
pub(super) fn round_trip<P: Document>(key: &P::Key, document: &P) -> Result<P, Fault> {
    let broken = |what: String| broken_law(ROUND_TRIP, [format!("the document of {key:?} {what}")]);
    let written = value(document)?;
    let text = serde_json::to_vec(document).map_err(|error| broken(format!("cannot be written: {error}")))?;
    let read: P =
        serde_json::from_slice(&text).map_err(|error| broken(format!("cannot be read back: {error}")))?;
    let fields = diff::fields(&value(&read)?, &written);
    if fields.is_empty() {
        return Ok(read);
    }
    Err(broken(format!("is read back with another value: {}", fields.join(", "))))
}

/// The documents that these events lead to, however they come.
pub(super) fn documents<P: Document>(events: &[RawEvent]) -> Result<Documents<P>, Fault> {
    let documents = Documents::<P>::after(events, Course::OneBatch)?;
    let lines = differences(&Documents::<P>::after(events, Course::OneBatch)?, &documents)?;
    if !lines.is_empty() {
        let hint = "a projection uses its event and its envelope, and nothing else";
        let what = "the second time ≠ the first time:".to_owned();
        return Err(broken_law(REBUILD, [what].into_iter().chain(lines).chain([hint.to_owned()])));
    }
    let lines = differences(&Documents::<P>::after(events, Course::ManyBatches)?, &documents)?;
    if !lines.is_empty() {
        let hint = "between batches, a document is what serde keeps of it";
        let what = "event by event, each of them twice ≠ in one batch:".to_owned();
        return Err(broken_law(BATCHES, [what].into_iter().chain(lines).chain([hint.to_owned()])));
    }
    Ok(documents)
}

/// A line for each document that differs.
fn differences<P: Document>(actual: &Documents<P>, expected: &Documents<P>) -> Result<Vec<String>, Fault> {
    Ok(super::scenario::differences(&actual.values()?, &expected.values()?))
}
