//! The methods of a store around a store that it does not touch.

/// The named methods of an `EventStore`, passed on to a field: for stores around a store, which write only
/// those that they change.
///
/// ```
/// use es_core::store::{Appended, AppendError, Commit, EventStore, MemoryStore, StoreFuture};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// Counts the commits.
/// struct Counting { store: MemoryStore, commits: AtomicU64 }
///
/// impl EventStore for Counting {
///     es_core::__forward!(store: read_stream, read_log, find_event, head, wait);
///     es_core::__forward!(store: close_stream, truncate_stream, redact_event, load_snapshot, save_snapshot);
///     es_core::__forward_processors!(store);
///
///     fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
///         self.commits.fetch_add(1, Ordering::Relaxed);
///         self.store.append(commit)
///     }
/// }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __forward {
    ($field:ident: $($method:ident),+ $(,)?) => {
        $($crate::__forward!(@$method $field);)+
    };
    (@capabilities $field:ident) => {
        fn capabilities(&self) -> $crate::store::Capabilities {
            self.$field.capabilities()
        }
    };
    (@append $field:ident) => {
        fn append(
            &self,
            commit: $crate::store::Commit,
        ) -> $crate::store::StoreFuture<'_, Result<$crate::store::Appended, $crate::store::AppendError>> {
            self.$field.append(commit)
        }
    };
    (@read_stream $field:ident) => {
        fn read_stream<'a>(
            &'a self,
            stream: &'a $crate::StreamId,
            read: $crate::store::StreamRead,
        ) -> $crate::store::StoreFuture<'a, Result<$crate::store::StreamPage, $crate::store::ReadError>> {
            self.$field.read_stream(stream, read)
        }
    };
    (@read_log $field:ident) => {
        fn read_log<'a>(
            &'a self,
            after: $crate::Position,
            filter: &'a $crate::store::Filter,
            limit: u32,
        ) -> $crate::store::StoreFuture<'a, Result<$crate::store::LogPage, $crate::store::ReadError>> {
            self.$field.read_log(after, filter, limit)
        }
    };
    (@find_event $field:ident) => {
        fn find_event(
            &self,
            search: $crate::store::EventSearch,
        ) -> $crate::store::StoreFuture<
            '_,
            Result<Option<$crate::store::StoredEvent>, $crate::store::ReadError>,
        > {
            self.$field.find_event(search)
        }
    };
    (@head $field:ident) => {
        fn head(
            &self,
        ) -> $crate::store::StoreFuture<'_, Result<$crate::Position, $crate::store::ReadError>> {
            self.$field.head()
        }
    };
    (@wait $field:ident) => {
        fn wait(
            &self,
            after: $crate::Position,
            max: ::std::time::Duration,
        ) -> $crate::store::StoreFuture<'_, ()> {
            self.$field.wait(after, max)
        }
    };
    (@close_stream $field:ident) => {
        fn close_stream<'a>(
            &'a self,
            stream: &'a $crate::StreamId,
            expected: $crate::store::Expected,
            reason: &'a str,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AppendError>> {
            self.$field.close_stream(stream, expected, reason)
        }
    };
    (@truncate_stream $field:ident) => {
        fn truncate_stream<'a>(
            &'a self,
            stream: &'a $crate::StreamId,
            expected: $crate::store::Expected,
            before: u64,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AppendError>> {
            self.$field.truncate_stream(stream, expected, before)
        }
    };
    (@redact_event $field:ident) => {
        fn redact_event(
            &self,
            redaction: $crate::store::Redaction,
        ) -> $crate::store::StoreFuture<'_, Result<bool, $crate::store::AppendError>> {
            self.$field.redact_event(redaction)
        }
    };
    (@load_snapshot $field:ident) => {
        fn load_snapshot<'a>(
            &'a self,
            stream: &'a $crate::StreamId,
            fingerprint: u64,
        ) -> $crate::store::StoreFuture<
            'a,
            Result<Option<$crate::store::StoredSnapshot>, $crate::store::ReadError>,
        > {
            self.$field.load_snapshot(stream, fingerprint)
        }
    };
    (@save_snapshot $field:ident) => {
        fn save_snapshot(
            &self,
            snapshot: $crate::store::StoredSnapshot,
        ) -> $crate::store::StoreFuture<'_, Result<(), $crate::store::AppendError>> {
            self.$field.save_snapshot(snapshot)
        }
    };
    (@register $field:ident) => {
        fn register<'a>(
            &'a self,
            processor: &'a str,
            start: $crate::store::Checkpoint,
        ) -> $crate::store::StoreFuture<'a, Result<$crate::store::Checkpoint, $crate::store::ReadError>> {
            self.$field.register(processor, start)
        }
    };
    (@processors $field:ident) => {
        fn processors<'a>(
            &'a self,
            prefix: &'a str,
        ) -> $crate::store::StoreFuture<
            'a,
            Result<Vec<$crate::store::StoredProcessor>, $crate::store::ReadError>,
        > {
            self.$field.processors(prefix)
        }
    };
    (@acquire $field:ident) => {
        fn acquire<'a>(
            &'a self,
            processor: &'a str,
            owner: $crate::uuid::Uuid,
            ttl: ::std::time::Duration,
        ) -> $crate::store::StoreFuture<'a, Result<Option<$crate::store::Lease>, $crate::store::ReadError>> {
            self.$field.acquire(processor, owner, ttl)
        }
    };
    (@renew $field:ident) => {
        fn renew<'a>(
            &'a self,
            lease: &'a $crate::store::Lease,
            ttl: ::std::time::Duration,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AdvanceError>> {
            self.$field.renew(lease, ttl)
        }
    };
    (@release $field:ident) => {
        fn release<'a>(
            &'a self,
            lease: &'a $crate::store::Lease,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AdvanceError>> {
            self.$field.release(lease)
        }
    };
    (@advance $field:ident) => {
        fn advance(
            &self,
            advance: $crate::store::Advance,
        ) -> $crate::store::StoreFuture<'_, Result<(), $crate::store::AdvanceError>> {
            self.$field.advance(advance)
        }
    };
    (@documents $field:ident) => {
        fn documents<'a>(
            &'a self,
            collection: &'a str,
            keys: &'a [String],
        ) -> $crate::store::StoreFuture<
            'a,
            Result<Vec<$crate::store::StoredDocument>, $crate::store::ReadError>,
        > {
            self.$field.documents(collection, keys)
        }
    };
    (@list_documents $field:ident) => {
        fn list_documents<'a>(
            &'a self,
            collection: &'a str,
            range: &'a $crate::store::DocumentRange,
        ) -> $crate::store::StoreFuture<
            'a,
            Result<Vec<$crate::store::StoredDocument>, $crate::store::ReadError>,
        > {
            self.$field.list_documents(collection, range)
        }
    };
    (@forget $field:ident) => {
        fn forget<'a>(
            &'a self,
            processor: &'a str,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AdvanceError>> {
            self.$field.forget(processor)
        }
    };
}

/// All methods of an `EventStore` about processors and documents, passed on to a field.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_processors {
    ($field:ident) => {
        $crate::__forward!(
            $field: register, processors, acquire, renew, release, advance, documents, list_documents, forget
        );
    };
}
