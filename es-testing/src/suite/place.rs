//! Where a case runs: one store, and what must be there as long as it is.

use es_core::store::EventStore;
use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A new and empty store, for one case of the suite.
///
/// A store is one by itself: `MemoryStore::new().into()`. What it needs beside it is added:
///
/// ```
/// use es_core::store::MemoryStore;
/// use es_testing::suite::Place;
///
/// let store = MemoryStore::new();
/// let clone = store.clone();
/// let place = Place::of(store).opened_again(async move || clone.clone());
/// # drop(place);
/// ```
pub struct Place {
    // The order in which they are dropped: a store goes before its folder.
    store: Arc<dyn EventStore>,
    open: Option<Box<dyn Fn() -> Opening>>,
    kept: Vec<Box<dyn Any>>,
}

type Opening = Pin<Box<dyn Future<Output = Arc<dyn EventStore>>>>;

impl Place {
    /// The place of this store, which nobody else has written to.
    pub fn of(store: impl EventStore) -> Self {
        Self { store: Arc::new(store), open: None, kept: Vec::new() }
    }

    /// How the same log is opened once more, as another process does while the first store is still open.
    ///
    /// Some cases need two: that a wait ends by what the other wrote, that leases keep the two apart, that what
    /// was stored is there. Without this, the second is the first.
    #[must_use]
    pub fn opened_again<S: EventStore>(mut self, open: impl AsyncFn() -> S + 'static) -> Self {
        let open = Arc::new(open);
        self.open = Some(Box::new(move || {
            let open = open.clone();
            Box::pin(async move { Arc::new(open().await) as Arc<dyn EventStore> })
        }));
        self
    }

    /// Drops this when the case is done, and the store was dropped.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any) -> Self {
        self.kept.push(Box::new(kept));
        self
    }

    /// The store.
    pub fn store(&self) -> &dyn EventStore {
        &*self.store
    }

    /// The store, for tasks.
    pub(crate) fn shared(&self) -> Arc<dyn EventStore> {
        self.store.clone()
    }

    /// The same log, opened once more.
    pub(crate) async fn again(&self) -> Arc<dyn EventStore> {
        match &self.open {
            Some(open) => open().await,
            None => self.store.clone(),
        }
    }
}

impl<S: EventStore> From<S> for Place {
    fn from(store: S) -> Self {
        Self::of(store)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("opens_again", &self.open.is_some()).finish_non_exhaustive()
    }
}
