//! Where things beside the log are.

use super::super::names::{self, MAX_SUBJECT, Names};
use crate::id::StreamId;
use crate::store::AdvanceError;

/// Everything of one kind.
const EACH: &str = "*";

const DOCUMENT: &str = "doc";
const COLLECTION: &str = "col";
const PROCESSOR: &str = "proc";
const SNAPSHOT: &str = "snap";

/// A document. `None` if its key is so long that there can be none.
pub fn document(names: &Names, collection: &str, key: &str) -> Option<String> {
    let subject = names.kept_as(&[DOCUMENT, &names::token(collection), &names::token(key)]);
    (subject.len() <= MAX_SUBJECT).then_some(subject)
}

/// The same where one shall be written.
///
/// # Errors
/// [`AdvanceError::TooLarge`] if its key is too long.
pub fn written(names: &Names, collection: &str, key: &str) -> Result<String, AdvanceError> {
    document(names, collection, key).ok_or_else(|| AdvanceError::TooLarge {
        what: "key of a document (bytes)",
        size: key.len(),
        limit: (MAX_SUBJECT - names.kept_as(&[DOCUMENT, &names::token(collection), ""]).len()) / 3,
    })
}

/// All documents of a collection.
pub fn documents(names: &Names, collection: &str) -> String {
    names.kept_as(&[DOCUMENT, &names::token(collection), EACH])
}

/// What says that a collection has documents, and is written anew with each that is added.
pub fn collection(names: &Names, collection: &str) -> String {
    names.kept_as(&[COLLECTION, &names::token(collection)])
}

pub fn collections(names: &Names) -> String {
    names.kept_as(&[COLLECTION, EACH])
}

pub fn processor(names: &Names, name: &str) -> String {
    names.kept_as(&[PROCESSOR, &names::token(name)])
}

pub fn processors(names: &Names) -> String {
    names.kept_as(&[PROCESSOR, EACH])
}

pub fn snapshot(names: &Names, stream: &StreamId) -> String {
    names.kept_as(&[SNAPSHOT, &names::token(stream.as_str())])
}

/// What the last token of a subject stands for: a key, or a name. `None` for what somebody else has put there.
pub fn last_name(subject: &str) -> Option<String> {
    names::name(subject.rsplit('.').next()?)
}
