//! What readers see: the documents of the build that is live.

use super::Projecting;
use super::error::DocumentError;
use crate::app::App;
use crate::key::Key;
use crate::projection::Document;
use crate::service::BoxFuture;
use crate::store::{DocumentRange, EventStore, StoredDocument};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// How many documents are read in one call.
const PAGE: u32 = 500;

impl App {
    /// The document of a projection under a key; `None` if there is none.
    ///
    /// It is as far as the projection has come. While a new version is built, it is the document of the old
    /// one, read as the type is now.
    ///
    /// # Errors
    /// [`DocumentError`] if the projection is not mounted, the store does not answer, or the document is not
    /// one of this type.
    pub async fn document<P: Document>(&self, key: &P::Key) -> Result<Option<P>, DocumentError> {
        let (build, stored) = self.projecting::<P>()?.control().document(&key.text()).await?;
        stored.map(|document| decode(&build.processor, &document)).transpose()
    }

    /// The documents of a projection, in the order of their keys' texts. Awaited as it is, it answers all of
    /// them; `.after(&key)` and `.limit(n)` take a part.
    ///
    /// # Errors
    /// As [`document`](Self::document), when awaited.
    pub fn documents<P: Document>(&self) -> Documents<P> {
        Documents::of(self.projecting::<P>().cloned().map(Source::Live))
    }
}

/// A list of documents, with their keys, before it is read. Made by [`App::documents`] and
/// [`ScratchCopy::documents`](crate::ScratchCopy::documents); awaited, it is read.
///
/// ```
/// # use es_core::prelude::*;
/// # use es_core::{Document, DocumentError};
/// # async fn page<P: Document>(app: &App, last: &P::Key) -> Result<Vec<(P::Key, P)>, DocumentError> {
/// app.documents::<P>().after(last).limit(50).await
/// # }
/// ```
#[must_use = "documents are read when this is awaited"]
pub struct Documents<P> {
    source: Result<Source, DocumentError>,
    range: Range<P>,
}

/// Which documents.
struct Range<P> {
    after: Option<String>,
    limit: usize,
    projection: PhantomData<fn() -> P>,
}

/// Where documents are listed from.
enum Source {
    /// The live build, whichever that is then.
    Live(Arc<dyn Projecting>),
    /// A collection that does not change.
    Copy(Arc<dyn EventStore>, Arc<str>),
}

impl<P: Document> Documents<P> {
    fn of(source: Result<Source, DocumentError>) -> Self {
        Self { source, range: Range { after: None, limit: usize::MAX, projection: PhantomData } }
    }

    pub(super) fn of_copy(source: Result<(Arc<dyn EventStore>, Arc<str>), DocumentError>) -> Self {
        Self::of(source.map(|(store, collection)| Source::Copy(store, collection)))
    }

    /// Only those behind this key, which is not included.
    pub fn after(mut self, key: &P::Key) -> Self {
        self.range.after = Some(key.text());
        self
    }

    /// At most this many.
    pub fn limit(mut self, documents: usize) -> Self {
        self.range.limit = documents;
        self
    }

    async fn read(self) -> Result<Vec<(P::Key, P)>, DocumentError> {
        let projection = match self.source {
            Err(error) => return Err(error),
            Ok(Source::Copy(store, collection)) => return self.range.list(&*store, &collection).await,
            Ok(Source::Live(projection)) => projection,
        };
        let control = projection.control();
        let mut live = control.known().await?.ledger.live;
        loop {
            let build = control.build(live);
            let listed = self.range.list(&*control.store, &build.processor).await?;
            let now = control.known().await?.ledger.live;
            if now == live {
                return Ok(listed);
            }
            // Switched on the way: what was listed last may have been forgotten under our hands.
            live = now;
        }
    }
}

impl<P: Document> Range<P> {
    async fn list(
        &self,
        store: &dyn EventStore,
        collection: &str,
    ) -> Result<Vec<(P::Key, P)>, DocumentError> {
        let mut listed = Vec::new();
        let mut after = self.after.clone();
        while listed.len() < self.limit {
            let limit = u32::try_from(self.limit - listed.len()).unwrap_or(PAGE).min(PAGE);
            let range = DocumentRange { after, until: None, limit };
            let page = store.list_documents(collection, &range).await?;
            for stored in &page {
                let key = P::Key::parse(&stored.key)
                    .ok_or_else(|| unreadable::<P>(collection, stored, "its key is not one of these"))?;
                listed.push((key, decode(collection, stored)?));
            }
            match page.into_iter().last() {
                Some(last) => after = Some(last.key),
                None => break,
            }
        }
        Ok(listed)
    }
}

impl<P: Document> IntoFuture for Documents<P> {
    type Output = Result<Vec<(P::Key, P)>, DocumentError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

impl<P> fmt::Debug for Documents<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents")
            .field("after", &self.range.after)
            .field("limit", &self.range.limit)
            .finish_non_exhaustive()
    }
}

/// A stored document as its type.
pub(super) fn decode<P: Document>(collection: &str, stored: &StoredDocument) -> Result<P, DocumentError> {
    serde_json::from_slice(&stored.body)
        .map_err(|error| unreadable::<P>(collection, stored, &error.to_string()))
}

fn unreadable<P: Document>(collection: &str, stored: &StoredDocument, reason: &str) -> DocumentError {
    DocumentError::Unreadable {
        projection: P::NAME,
        collection: collection.to_owned(),
        key: stored.key.clone(),
        reason: reason.to_owned(),
    }
}
