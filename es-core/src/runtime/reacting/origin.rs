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
    Advance, AdvanceError, Checkpoint, DocumentRange, DocumentWrite, EventStore, Filter, Lease, ReadError,
    StoredProcessor,
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
        if let Some(known) = read(store, &mount.names).await.map_err(|error| about(error.to_string()))? {
            return same(mount, &known);
        }
        if enter(store, mount).await.map_err(about)? {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(about(
        "another process holds its lease, or that of the version before it: stop that first".to_owned(),
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
    let Some(before) = earlier(store, mount).await.map_err(|error| error.to_string())? else {
        return begin(store, mount, None).await;
    };
    let taken =
        store.acquire(&before.name, Uuid::new_v4(), BRIEF).await.map_err(|error| error.to_string())?;
    let Some(lease) = taken else { return Ok(false) };
    let entered = begin(store, mount, Some(&lease)).await;
    // A lease that is not given back runs out.
    let _ = store.release(&lease).await;
    entered
}

/// Enters it; behind the version before it, if there is one, whose lease is held meanwhile.
async fn begin(store: &dyn EventStore, mount: &Mount, before: Option<&Lease>) -> Result<bool, String> {
    let (start, silent_until) = place(store, mount, before.map(|before| before.checkpoint))
        .await
        .map_err(|error| error.to_string())?;
    let processor = &mount.names.processor;
    store.register(processor, start).await.map_err(|error| error.to_string())?;
    let taken = store.acquire(processor, Uuid::new_v4(), BRIEF).await.map_err(|error| error.to_string())?;
    let Some(lease) = taken else { return Ok(false) };
    if let Some(before) = before {
        inherit(store, mount, before, &lease).await?;
    }
    let origin = Origin {
        fingerprint: mount.fingerprint,
        silent_until,
        marks_open: true,
        inline: mount.inline.is_some(),
        folded: !mount.folds_first(),
    };
    let write = origin.put(&mount.names, Some(0)).map_err(|error| error.to_string())?;
    let written = store.advance(Advance { writes: vec![write], ..Advance::under(&lease) }).await;
    // A lease that is not given back runs out.
    let _ = store.release(&lease).await;
    match written {
        Ok(()) => Ok(true),
        Err(AdvanceError::Changed { .. } | AdvanceError::Fenced { .. }) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
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

/// Takes over what the version before has still to do: its timers, and commands that are not struck.
///
/// # Errors
/// If it has set something aside: what that is, only its own code can tell.
async fn inherit(store: &dyn EventStore, mount: &Mount, before: &Lease, lease: &Lease) -> Result<(), String> {
    let mut range = DocumentRange { limit: 500, ..DocumentRange::default() };
    let parked = format!("{}/parked", before.processor);
    if !store.list_documents(&parked, &range).await.map_err(|error| error.to_string())?.is_empty() {
        return Err("the version before it has set work aside: retry or skip that first".to_owned());
    }
    let keys = format!("{}/keys", before.processor);
    loop {
        let page = store.list_documents(&keys, &range).await.map_err(|error| error.to_string())?;
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
async fn earlier(store: &dyn EventStore, mount: &Mount) -> Result<Option<StoredProcessor>, ReadError> {
    let prefix = format!("{}.r", mount.name);
    let known = store.processors(&prefix).await?.into_iter().filter_map(|known| {
        let version: u32 = known.name.strip_prefix(&prefix)?.parse().ok()?;
        (version < mount.version).then_some((version, known))
    });
    Ok(known.max_by_key(|(version, _)| *version).map(|(_, known)| known))
}

async fn head(store: &dyn EventStore) -> Result<Checkpoint, ReadError> {
    let head = store.head().await?;
    let Some(before) = head.0.checked_sub(1) else { return Ok(Checkpoint::default()) };
    let page = store.read_log(Position(before), &Filter::default(), 1).await?;
    Ok(Checkpoint { position: head, event: page.events.first().map(|event| event.id) })
}

async fn read(store: &dyn EventStore, names: &Names) -> Result<Option<Origin>, ReadError> {
    let stored = store.documents(&names.origin, &[KEY.to_owned()]).await?;
    let Some(stored) = stored.into_iter().next() else { return Ok(None) };
    serde_json::from_slice(&stored.body)
        .map(Some)
        .map_err(|error| ReadError::Corrupt { at: stored.position, cause: error.into() })
}

impl Origin {
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
    Ok(known(app, names).await?.folded)
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
    read(app.store(), names).await?.ok_or_else(|| {
        Halt::Stopped("where it began is not in the store any more: build the app again".to_owned())
    })
}
