//! Where a reactor begins when it is first built.

use super::Names;
use super::document::Document;
use super::mount::Mount;
use super::open;
use crate::app::App;
use crate::id::Position;
use crate::reactor::From;
use crate::runtime::Halt;
use crate::store::{
    Advance, AdvanceError, Checkpoint, DocumentRange, DocumentRevision, DocumentWrite, EventStore, Filter,
    Lease, ReadError,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// What is remembered of a reactor's beginning.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    /// Of the shape of its state and key.
    pub fingerprint: u64,
    /// Up to here the past is folded silently.
    pub silent_until: Position,
    /// Whether its open keys are marked.
    #[serde(default)]
    pub marks_open: bool,
    /// Whether its commands join the commits that they answer.
    #[serde(default)]
    inline: bool,
    /// Whether an inline one has folded the past: from then on its commits keep the state.
    #[serde(default)]
    folded: bool,
    /// The newer version that has taken over what it did, if it was inline. Whoever still runs this one finds
    /// out by the document's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    superseded_by: Option<u32>,
}

/// The version before, while it is held.
struct Before {
    version: u32,
    names: Names,
    lease: Lease,
}

/// How long a lease is taken for a single write: less than others wait for it.
pub(super) const BRIEF: Duration = Duration::from_secs(2);

/// The only document of its collection.
const KEY: &str = "origin";

/// Enters a reactor in the store, unless it is there.
///
/// # Errors
/// What is to be said about it when the app is built.
pub(super) async fn register(store: &dyn EventStore, mount: &Mount) -> Result<(), String> {
    let about = |error: String| format!("the reactor {} cannot be entered in the store: {error}", mount.name);
    // Somebody else may be entering it at this moment, and then holds its lease for a moment.
    for _ in 0..100 {
        if joins_with_documents(mount) {
            not_superseded(store, mount).await?;
        }
        let known = read(store, &mount.names).await.map_err(|error| about(error.to_string()))?;
        if let Some((known, _)) = known {
            return same(mount, &known);
        }
        // What was entered is looked at once more: the next version may have been entered meanwhile.
        if !enter(store, mount).await.map_err(about)? {
            sleep(Duration::from_millis(50)).await;
        }
    }
    Err(about(
        "another process holds its lease, or that of the version before it: stop that first".to_owned(),
    ))
}

/// Whether its commits write documents that another version would have to know of.
fn joins_with_documents(mount: &Mount) -> bool {
    mount.inline.as_ref().is_some_and(|inline| inline.inner.keeps_documents)
}

/// Makes sure that no newer version was entered: this one knows nothing of what has been committed with that.
async fn not_superseded(store: &dyn EventStore, mount: &Mount) -> Result<(), String> {
    let (name, version) = (mount.name, mount.version);
    let versions = versions(store, mount).await.map_err(|error| error.to_string())?;
    let Some(newest) = versions.into_iter().max().filter(|newest| *newest > version) else {
        return Ok(());
    };
    let next = newest + 1;
    Err(format!(
        "version {newest} of the inline reactor {name} is in charge, and version {version} knows nothing of what \
         was committed with it: say `version = {next}` in its `#[reactor(..)]`, and it takes over in turn"
    ))
}

fn same(mount: &Mount, known: &Origin) -> Result<(), String> {
    let (name, version, next) = (mount.name, mount.version, mount.version + 1);
    if known.inline != mount.inline.is_some() {
        let (was, is) = if known.inline { ("inline", "not") } else { ("not inline", "is") };
        return Err(format!(
            "version {version} of the reactor {name} was built when it was {was}, and now it {is}: \
             say `version = {next}` in its `#[reactor(..)]`"
        ));
    }
    if known.fingerprint == mount.fingerprint {
        return Ok(());
    }
    Err(format!(
        "the state or the key of the reactor {name} is not what its version {version} was built with: \
         say `version = {next}` in its `#[reactor(..)]`, and its state is folded anew, silently"
    ))
}

/// Whether it was entered; if not, somebody else is about to, or the version before it still runs.
async fn enter(store: &dyn EventStore, mount: &Mount) -> Result<bool, String> {
    let Some(version) = earlier(store, mount).await.map_err(|error| error.to_string())? else {
        return begin(store, mount, None).await;
    };
    let names = Names::of(mount.name, version);
    let taken =
        store.acquire(&names.processor, Uuid::new_v4(), BRIEF).await.map_err(|error| error.to_string())?;
    let Some(lease) = taken else { return Ok(false) };
    let before = Before { version, names, lease };
    let entered = begin(store, mount, Some(&before)).await;
    // A lease that is not given back runs out.
    let _ = store.release(&before.lease).await;
    entered
}

/// Enters it; behind the version before it, if there is one, whose lease is held meanwhile.
async fn begin(store: &dyn EventStore, mount: &Mount, before: Option<&Before>) -> Result<bool, String> {
    if let Some(before) = before {
        nothing_set_aside(store, before).await?;
        // From here on nothing is committed with it that would be missed behind.
        if !supersede(store, mount, before).await? {
            return Ok(false);
        }
    }
    let (start, silent_until) = place(store, mount, before.map(|before| before.lease.checkpoint))
        .await
        .map_err(|error| error.to_string())?;
    let processor = &mount.names.processor;
    store.register(processor, start).await.map_err(|error| error.to_string())?;
    let taken = store.acquire(processor, Uuid::new_v4(), BRIEF).await.map_err(|error| error.to_string())?;
    let Some(lease) = taken else { return Ok(false) };
    let entered = enter_under(store, mount, before, &lease, silent_until).await;
    // A lease that is not given back runs out.
    let _ = store.release(&lease).await;
    entered
}

/// The same under its own lease, which is given back behind it.
async fn enter_under(
    store: &dyn EventStore,
    mount: &Mount,
    before: Option<&Before>,
    lease: &Lease,
    silent_until: Position,
) -> Result<bool, String> {
    // Since it was looked for, somebody else may have entered it, or the version before it.
    let entered = read(store, &mount.names).await.map_err(|error| error.to_string())?;
    let earlier = earlier(store, mount).await.map_err(|error| error.to_string())?;
    if entered.is_some() || earlier != before.map(|before| before.version) {
        return Ok(false);
    }
    if let Some(before) = before {
        inherit(store, mount, before, lease).await?;
    }
    let origin = Origin {
        fingerprint: mount.fingerprint,
        silent_until,
        marks_open: true,
        inline: mount.inline.is_some(),
        folded: !mount.folds_first(),
        superseded_by: None,
    };
    let write = origin.put(&mount.names, Some(0)).map_err(|error| error.to_string())?;
    written(store, lease, write).await
}

/// Writes under a lease; whether it still was one.
async fn written(store: &dyn EventStore, lease: &Lease, write: DocumentWrite) -> Result<bool, String> {
    match store.advance(Advance { writes: vec![write], ..Advance::under(lease) }).await {
        Ok(()) => Ok(true),
        Err(AdvanceError::Changed { .. } | AdvanceError::Fenced { .. }) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// Notes at the version before that this one takes over. What is on its way to be committed with that, with
/// what it remembers, is refused by this, since it requires what was written there. Whether that could be done.
async fn supersede(store: &dyn EventStore, mount: &Mount, before: &Before) -> Result<bool, String> {
    let known = read(store, &before.names).await.map_err(|error| error.to_string())?;
    let Some((origin, revision)) = known.filter(|(known, _)| known.inline) else { return Ok(true) };
    let origin = Origin { superseded_by: Some(mount.version), ..origin };
    let write = origin.put(&before.names, Some(revision)).map_err(|error| error.to_string())?;
    written(store, &before.lease, write).await
}

/// Where it begins to read, and up to where it is silent.
async fn place(
    store: &dyn EventStore,
    mount: &Mount,
    before: Option<Checkpoint>,
) -> Result<(Checkpoint, Position), ReadError> {
    let from = match (before, mount.from) {
        // Its commits have answered what there is.
        _ if mount.inline.is_some() => head(store).await?,
        // What the version before has answered is answered.
        (Some(before), _) => before,
        (None, From::Start) => Checkpoint::default(),
        (None, From::Now) => head(store).await?,
    };
    Ok(if mount.keeps_state { (Checkpoint::default(), from.position) } else { (from, Position(0)) })
}

/// Makes sure that the version before has set nothing aside: what that is, only its own code can tell.
async fn nothing_set_aside(store: &dyn EventStore, before: &Before) -> Result<(), String> {
    let range = DocumentRange { limit: 1, ..DocumentRange::default() };
    let parked = store.list_documents(&before.names.parked, &range).await;
    if parked.map_err(|error| error.to_string())?.is_empty() {
        return Ok(());
    }
    Err("the version before it has set work aside: retry or skip that first".to_owned())
}

/// Takes over what the version before has still to do: its timers, and commands that are not struck.
async fn inherit(
    store: &dyn EventStore,
    mount: &Mount,
    before: &Before,
    lease: &Lease,
) -> Result<(), String> {
    // Two writes each, in one advance.
    let mut range = DocumentRange { limit: 250, ..DocumentRange::default() };
    loop {
        let page =
            store.list_documents(&before.names.keys, &range).await.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { return Ok(()) };
        range.after = Some(last.key.clone());
        let mut writes = Vec::new();
        for stored in &page {
            let document: Document =
                serde_json::from_slice(&stored.body).map_err(|error| error.to_string())?;
            let left = Document { state: None, position: Position(0), ..document };
            if left.is_empty() {
                continue;
            }
            writes.push(open::mark(&mount.names, &stored.key, Position(0), true));
            writes.push(DocumentWrite {
                collection: mount.names.keys.clone(),
                key: stored.key.clone(),
                revision: None,
                position: Position(0),
                body: Some(serde_json::to_vec(&left).map_err(|error| error.to_string())?.into()),
            });
        }
        let written = store.advance(Advance { writes, ..Advance::under(lease) }).await;
        written.map_err(|error| error.to_string())?;
    }
}

/// The newest version below this one.
async fn earlier(store: &dyn EventStore, mount: &Mount) -> Result<Option<u32>, ReadError> {
    let versions = versions(store, mount).await?;
    Ok(versions.into_iter().filter(|version| *version < mount.version).max())
}

/// Every version of it that was entered, or is about to be.
async fn versions(store: &dyn EventStore, mount: &Mount) -> Result<Vec<u32>, ReadError> {
    let prefix = format!("{}.r", mount.name);
    let known = store.processors(&prefix).await?;
    Ok(known.iter().filter_map(|known| known.name.strip_prefix(&prefix)?.parse().ok()).collect())
}

async fn head(store: &dyn EventStore) -> Result<Checkpoint, ReadError> {
    let head = store.head().await?;
    let Some(before) = head.0.checked_sub(1) else { return Ok(Checkpoint::default()) };
    let page = store.read_log(Position(before), &Filter::default(), 1).await?;
    Ok(Checkpoint { position: head, event: page.events.first().map(|event| event.id) })
}

/// With the revision that it has.
async fn read(store: &dyn EventStore, names: &Names) -> Result<Option<(Origin, u64)>, ReadError> {
    let stored = store.documents(&names.origin, &[KEY.to_owned()]).await?;
    let Some(stored) = stored.into_iter().next() else { return Ok(None) };
    serde_json::from_slice(&stored.body)
        .map(|origin| Some((origin, stored.revision)))
        .map_err(|error| ReadError::Corrupt { at: stored.position, cause: error.into() })
}

impl Origin {
    /// The newer version that is in charge, if there is one.
    pub fn superseded_by(&self) -> Option<u32> {
        self.superseded_by
    }

    /// Whether an inline reactor has folded the past, if it has to.
    pub fn is_folded(&self) -> bool {
        self.folded
    }

    /// The same, with its open keys marked.
    pub fn marked(&self) -> Self {
        Self { marks_open: true, ..*self }
    }

    pub fn put(&self, names: &Names, revision: Option<u64>) -> serde_json::Result<DocumentWrite> {
        Ok(DocumentWrite {
            collection: names.origin.clone(),
            key: KEY.to_owned(),
            revision,
            position: self.silent_until,
            body: Some(serde_json::to_vec(self)?.into()),
        })
    }
}

/// Whether an inline reactor has folded the past.
pub(super) async fn is_folded(app: &App, names: &Names) -> Result<bool, Halt> {
    Ok(known(app, names).await?.is_folded())
}

/// Notes under the lease that the past is folded, up to where the lease has come.
pub(super) async fn folded(app: &App, names: &Names, lease: &Lease) -> Result<(), Halt> {
    let silent_until = lease.checkpoint.position;
    let origin = Origin { silent_until, folded: true, ..known(app, names).await? };
    let write = origin.put(names, None).map_err(|error| Halt::Stopped(error.to_string()))?;
    Ok(app.store().advance(Advance { writes: vec![write], ..Advance::under(lease) }).await?)
}

/// Where a reactor began.
pub(super) async fn known(app: &App, names: &Names) -> Result<Origin, Halt> {
    stored(app, names).await.map(|(origin, _)| origin)
}

/// What a commit requires that is decided while this is as it is.
pub(super) fn required(names: &Names, revision: u64) -> DocumentRevision {
    DocumentRevision { collection: names.origin.clone(), key: KEY.to_owned(), revision }
}

/// Where a reactor began, with the revision that this has in the store.
pub(super) async fn stored(app: &App, names: &Names) -> Result<(Origin, u64), Halt> {
    read(app.store(), names).await?.ok_or_else(|| {
        Halt::Stopped("where it began is not in the store any more: build the app again".to_owned())
    })
}
