//! The working copies of a commit over several streams: one for each, whichever aggregate it is of.

use super::App;
use super::append;
use crate::aggregate::Applier;
use crate::error::{CommandError, StoreError};
use crate::fold::Folded;
use crate::id::{Position, StreamId};
use crate::runtime::Kept;
use crate::store::{
    Append, Commit, Expected, Inline, MAX_COMMIT_EVENTS, NewEvent, StoreFuture, StoredEvent, StreamHead,
};
use std::any::Any;
use std::sync::Arc;

/// What was decided so far, stream by stream.
#[doc(hidden)]
pub struct Copies {
    pub(super) app: App,
    /// Whether every state is compared with its stream first.
    pub(super) checked: bool,
    pub(super) parts: Vec<Part>,
    /// What inline reactors remember behind it.
    pub(super) kept: Kept,
}

/// What was decided on one stream so far.
pub(super) struct Part {
    pub(super) stream: StreamId,
    pub(super) from: u64,
    /// The edits that the state which was read knew of.
    edits: u64,
    pub(super) stored: Vec<NewEvent>,
    next: Arc<dyn Working>,
}

/// A working copy whose aggregate is not named.
trait Working: Send + Sync {
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn keep<'a>(
        self: Arc<Self>,
        app: &'a App,
        stream: &'a StreamId,
        from: u64,
        position: Position,
        head: Option<StreamHead>,
    ) -> StoreFuture<'a, ()>;
}

impl<A: Applier> Working for Folded<A> {
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
    fn keep<'a>(
        self: Arc<Self>,
        app: &'a App,
        stream: &'a StreamId,
        from: u64,
        position: Position,
        head: Option<StreamHead>,
    ) -> StoreFuture<'a, ()> {
        let mut next = Arc::unwrap_or_clone(self);
        next.position = position;
        Box::pin(async move {
            let (_, snapshot) = append::keep(app, stream, from, next, head);
            if let Some(snapshot) = snapshot {
                app.save_snapshot(snapshot).await;
            }
        })
    }
}

/// Where the parts of a commit stand in the log: the position before each, if anything was appended.
#[doc(hidden)]
#[derive(Debug)]
pub struct Placed {
    pub(super) starts: Vec<Option<u64>>,
    pub(super) attempts: u32,
}

impl Part {
    /// What `events` make of a stream that was at `folded`: the first part of a commit.
    pub(super) fn decided<A: Applier>(
        stream: &StreamId,
        folded: &Folded<A>,
        stored: Vec<NewEvent>,
        next: Arc<Folded<A>>,
    ) -> Self {
        let (from, edits) = (folded.version, folded.edits);
        Self { stream: stream.clone(), from, edits, stored, next }
    }

    /// The `n`-th event of this part as it would be stored, but for its place in the log, which it has not got.
    pub(super) fn event(&self, n: usize) -> Option<StoredEvent> {
        let event = self.stored.get(n)?.clone();
        Some(StoredEvent {
            position: Position(0),
            stream: self.stream.clone(),
            version: self.from + 1 + n as u64,
            id: event.id,
            name: event.name,
            schema: event.schema,
            recorded_at: event.recorded_at,
            stored_at: event.recorded_at,
            payload: Some(event.payload),
            metadata: event.metadata,
        })
    }
}

impl Copies {
    /// None yet.
    pub(super) fn new(app: App, checked: bool) -> Self {
        Self { app, checked, parts: Vec::new(), kept: Kept::default() }
    }

    /// Forgets what was decided.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.kept = Kept::default();
    }

    /// Whether there is something to append.
    pub(super) fn is_silent(&self) -> bool {
        self.parts.iter().all(|part| part.stored.is_empty())
    }

    /// Whether the append decides about every state that was looked at: it does so on the streams that it goes
    /// to.
    pub(super) fn is_certain(&self) -> bool {
        self.checked || self.parts.iter().all(|part| !part.stored.is_empty())
    }

    /// What goes to the store: the parts that have events, and what inline reactors remember.
    ///
    /// # Errors
    /// [`StoreError::Encode`] if that cannot be written.
    pub(super) fn commit(&self) -> Result<Commit, StoreError> {
        let written = self.parts.iter().filter(|part| !part.stored.is_empty());
        let parts = written.map(|part| Append {
            stream: part.stream.clone(),
            expected: Expected::Exact(part.from),
            edits: Some(part.edits),
            events: part.stored.clone(),
        });
        let (writes, requires) = (self.kept.writes()?, self.kept.requires());
        let inline = (!writes.is_empty()).then(|| Box::new(Inline { writes, requires, ..Inline::default() }));
        Ok(Commit { inline, ..Commit::all(parts.collect()) })
    }

    /// Where the parts stand in the log, once the commit's last event stands at `last`: one behind the other,
    /// in their order.
    pub(super) fn placed(&self, last: Option<Position>, attempts: u32) -> Placed {
        let mut before = last.map(|last| last.0 - self.size() as u64);
        let starts = self.parts.iter().map(|part| {
            let start = before;
            before = before.map(|before| before + part.stored.len() as u64);
            start
        });
        Placed { starts: starts.collect(), attempts }
    }

    /// Keeps the states behind an append for the next commands.
    pub(super) async fn keep(&mut self, placed: &Placed, heads: &[StreamHead]) {
        let app = self.app.clone();
        let parts: Vec<_> = self.parts.drain(..).collect();
        let placed = parts.into_iter().zip(&placed.starts).filter(|(part, _)| !part.stored.is_empty());
        for ((part, start), head) in placed.zip(heads) {
            let last = Position(start.unwrap_or(0) + part.stored.len() as u64);
            part.next.keep(&app, &part.stream, part.from, last, Some(*head)).await;
        }
    }

    /// The streams that are not in `own`, in the order in which everybody queues.
    pub(super) fn beside(&self, own: &[StreamId]) -> Vec<StreamId> {
        let streams = self.parts.iter().map(|part| &part.stream);
        let mut beside: Vec<_> = streams.filter(|stream| !own.contains(stream)).cloned().collect();
        beside.sort_unstable();
        beside
    }

    /// Drops what is cached of these streams.
    pub(super) fn drop_states(&self) {
        self.parts.iter().for_each(|part| self.app.cache().drop_state(&part.stream));
    }

    /// The working copy of a stream; read if this is the first command on it.
    pub(super) async fn working<A: Applier, E>(
        &mut self,
        stream: &StreamId,
    ) -> Result<(usize, Arc<Folded<A>>), CommandError<E>> {
        if let Some(at) = self.parts.iter().position(|part| part.stream == *stream) {
            let working = self.parts[at].next.clone().as_any().downcast();
            return Ok((at, working.map_err(|_| CommandError::NotMounted { aggregate: A::NAME })?));
        }
        let folded = match self.app.cache().get::<A>(stream) {
            Some(known) if !self.checked => known,
            _ => self.app.current(stream).await?,
        };
        self.parts.push(Part::decided(stream, &folded, Vec::new(), folded.clone()));
        Ok((self.parts.len() - 1, folded))
    }

    /// Puts what was decided on the working copy of a part; how many events the part has then.
    pub(super) fn put<A: Applier>(
        &mut self,
        at: usize,
        stored: Vec<NewEvent>,
        next: Arc<Folded<A>>,
    ) -> usize {
        let part = &mut self.parts[at];
        part.stored.extend(stored);
        part.next = next;
        part.stored.len()
    }

    /// Makes sure that the store will take so many events, before more are decided.
    pub(super) fn within_limits<E>(&self) -> Result<(), CommandError<E>> {
        let (size, limit) = (self.size(), MAX_COMMIT_EVENTS);
        if size > limit {
            return Err(CommandError::TooLarge { what: "events in one commit", size, limit });
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.parts.iter().map(|part| part.stored.len()).sum()
    }
}
