//! A store in which others commit between what a follower reads and what it writes.

use crate::store::{
    Advance, AdvanceError, Commit, DocumentRange, EventStore, ReadError, StoreFuture, StoredDocument,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

/// A store around another one. Clones share what is to come.
#[derive(Clone)]
pub struct Busy {
    inner: Arc<dyn EventStore>,
    coming: Arc<Mutex<Coming>>,
}

#[derive(Default)]
struct Coming {
    before_advances: VecDeque<Commit>,
    before_reads: VecDeque<Commit>,
}

impl Busy {
    pub fn over(store: impl EventStore) -> Self {
        Self { inner: Arc::new(store), coming: Arc::default() }
    }

    /// What is committed just before the next advances of builds, one after the other.
    pub fn before_advances(&self, commits: impl IntoIterator<Item = Commit>) {
        self.coming().before_advances.extend(commits);
    }

    /// What is committed just before the next reads of documents of builds, one after the other.
    pub fn before_reads(&self, commits: impl IntoIterator<Item = Commit>) {
        self.coming().before_reads.extend(commits);
    }

    /// Whether all of that has come.
    pub fn is_calm(&self) -> bool {
        let coming = self.coming();
        coming.before_advances.is_empty() && coming.before_reads.is_empty()
    }

    fn coming(&self) -> MutexGuard<'_, Coming> {
        self.coming.lock().unwrap()
    }
}

fn is_of_a_build(name: &str) -> bool {
    name.starts_with("projection.")
}

impl EventStore for Busy {
    crate::__forward!(inner: append, read_stream, read_log, find_event, head, wait, close_stream, truncate_stream, redact_event, load_snapshot, save_snapshot, register, processors, acquire, renew, release, forget);

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        let is_next = is_of_a_build(&advance.processor);
        let next = if is_next { self.coming().before_advances.pop_front() } else { None };
        Box::pin(async move {
            if let Some(commit) = next {
                self.inner.append(commit).await.expect("it is stored");
            }
            self.inner.advance(advance).await
        })
    }
    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        let next = if is_of_a_build(collection) { self.coming().before_reads.pop_front() } else { None };
        Box::pin(async move {
            if let Some(commit) = next {
                self.inner.append(commit).await.expect("it is stored");
            }
            self.inner.documents(collection, keys).await
        })
    }
    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        let next = if is_of_a_build(collection) { self.coming().before_reads.pop_front() } else { None };
        Box::pin(async move {
            if let Some(commit) = next {
                self.inner.append(commit).await.expect("it is stored");
            }
            self.inner.list_documents(collection, range).await
        })
    }
}
