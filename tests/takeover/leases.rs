//! The store of a process, which notes for all to see what the process is answered about leases.

use super::lines;
use es_core::prelude::*;
use es_core::store::{Advance, AdvanceError, Lease, ReadError, RowStore, RowWork, StoreFuture};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What all processes of a site have noted.
#[derive(Clone)]
pub struct Book(PathBuf);

/// A lease that was taken.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Taken {
    pub lease: String,
    pub epoch: u64,
    pub process: String,
}

impl Book {
    /// The one that is kept in a folder.
    pub fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The leases that were taken, in about this order.
    pub fn taken(&self) -> Vec<Taken> {
        let taken = |line: &String| {
            let mut words = line.split(' ').map(str::to_owned);
            let [lease, epoch, process] = std::array::from_fn(|_| words.next().unwrap());
            Taken { lease, epoch: epoch.parse().unwrap(), process }
        };
        lines::read(&self.0.join(TAKEN)).iter().map(taken).collect()
    }

    /// The process that has taken each lease last.
    pub fn holders(&self) -> HashMap<String, String> {
        self.taken().into_iter().map(|taken| (taken.lease, taken.process)).collect()
    }

    /// The leases that were renewed, each time.
    pub fn renewed(&self) -> Vec<String> {
        lines::read(&self.0.join(RENEWED))
    }

    /// The leases that somebody asked for in vain, each time.
    pub fn refused(&self) -> Vec<String> {
        lines::read(&self.0.join(REFUSED))
    }

    /// What was written under a lease though everybody could know that somebody else had taken it before.
    pub fn late(&self) -> Vec<String> {
        lines::read(&self.0.join(LATE))
    }

    fn note(&self, what: &str, line: &str) {
        lines::add(&self.0.join(what), line);
    }

    /// Whether somebody has taken a lease under a later epoch.
    fn is_over(&self, lease: &str, epoch: u64) -> bool {
        self.taken().iter().any(|taken| taken.lease == lease && taken.epoch > epoch)
    }
}

const TAKEN: &str = "taken";
const RENEWED: &str = "renewed";
const REFUSED: &str = "refused";
const LATE: &str = "late";

/// The store of a process of this name.
#[derive(Clone)]
pub struct Watched<S> {
    pub store: S,
    pub process: Arc<str>,
    pub book: Book,
}

impl<S> Watched<S> {
    /// Something that is done under a lease, or is not.
    async fn under<T, E>(
        &self,
        lease: &str,
        epoch: u64,
        done: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let is_over = self.book.is_over(lease, epoch);
        let done = done.await?;
        if is_over {
            self.book.note(LATE, &format!("{lease} {epoch} {}", self.process));
        }
        Ok(done)
    }
}

impl<S: EventStore> EventStore for Watched<S> {
    es_core::__forward!(store: capabilities, append, read_stream, read_log, find_event, head, wait);
    es_core::__forward!(store: close_stream, truncate_stream, redact_event, load_snapshot, save_snapshot);
    es_core::__forward!(store: register, processors, release, documents, list_documents, forget);

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        Box::pin(async move {
            let lease = self.store.acquire(processor, owner, ttl).await?;
            match &lease {
                None => self.book.note(REFUSED, processor),
                Some(lease) => {
                    self.book.note(TAKEN, &format!("{processor} {} {}", lease.epoch, self.process));
                }
            }
            Ok(lease)
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move {
            let renewed = self.store.renew(lease, ttl);
            self.under(&lease.processor, lease.epoch, renewed).await?;
            self.book.note(RENEWED, &lease.processor);
            Ok(())
        })
    }

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(async move {
            let (lease, epoch) = (advance.processor.clone(), advance.epoch);
            self.under(&lease, epoch, self.store.advance(advance)).await
        })
    }
}

impl<S: RowStore> RowStore for Watched<S> {
    type Tx = S::Tx;

    fn advance_with(
        &self,
        advance: Advance,
        build: String,
        work: RowWork<S::Tx>,
    ) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(async move {
            let (lease, epoch) = (advance.processor.clone(), advance.epoch);
            self.under(&lease, epoch, self.store.advance_with(advance, build, work)).await
        })
    }
}
