//! The keys of a collection, in order.
//!
//! A server does not know the order of subjects, so that a page of a large collection takes a list of all its keys.
//! The last list stays for the next page: it holds for as long as no document was added to the collection.

use super::super::server::Server;
use super::{many, subjects};
use crate::store::ReadError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most bytes of keys that are kept for the next page.
const KEPT: usize = 64 * 1024 * 1024;

#[derive(Default)]
pub struct Keys {
    listed: Mutex<Option<Listed>>,
}

/// A list, and the message that was written when the collection grew last.
struct Listed {
    collection: String,
    grown: u64,
    keys: Arc<Vec<String>>,
}

impl Keys {
    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Option<Listed>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this collection was listed last.
    pub fn are_of(&self, collection: &str) -> bool {
        self.lock().as_ref().is_some_and(|listed| listed.collection == collection)
    }

    /// The keys of a collection; some of them may be deleted by now.
    pub async fn of(&self, server: &Server, collection: &str) -> Result<Arc<Vec<String>>, ReadError> {
        let grown = subjects::collection(server.names(), collection);
        let Some(grown) = many::one(server, &grown).await? else {
            return Ok(Arc::default());
        };
        let grown = grown.sequence;
        if let Some(listed) = &*self.lock()
            && listed.collection == collection
            && listed.grown == grown
        {
            return Ok(listed.keys.clone());
        }
        let found = many::subjects(server, &subjects::documents(server.names(), collection)).await?;
        let mut keys: Vec<_> = found.iter().filter_map(|subject| subjects::last_name(subject)).collect();
        keys.sort_unstable();
        let keys = Arc::new(keys);
        let bytes: usize = keys.iter().map(|key| key.len() + size_of::<String>()).sum();
        let listed = Listed { collection: collection.to_owned(), grown, keys: keys.clone() };
        *self.lock() = (bytes <= KEPT).then_some(listed);
        Ok(keys)
    }
}
