//! Inline reactors: their turns run before the append and go with it; only what is due later is left to the
//! follower.

use super::desk::Desk;
use super::document::{Cell, Document, Origin, Pending};
use super::methods::{Answer, Delivered, Step};
use super::open;
use super::turn::Trouble;
use super::{Inner, Names, origin};
use crate::app::{App, DecideInner};
use crate::error::{CommandError, StoreError, Superseded};
use crate::event::RawEvent;
use crate::id::CommandId;
use crate::runtime::Halt;
use crate::service::Services;
use crate::store::{AdvanceError, BoxError, DocumentRevision, DocumentWrite, ReadError};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use uuid::Uuid;

/// An inline reactor, as commits meet it.
pub(crate) struct InlineReactor {
    pub(super) inner: Arc<Inner>,
    /// Who decides what its methods issue, by the commands' names.
    deciders: Vec<(&'static str, DecideInner)>,
    /// The revision of where it began, when that was last read; 0 until then. A newer version that takes over
    /// changes it.
    origin: AtomicU64,
}

/// Why a commit is not made.
type Refused = CommandError<Infallible>;

/// A command that an inline reactor issued, to be decided at once.
#[doc(hidden)]
pub struct InnerCommand {
    pub(crate) name: String,
    pub(crate) fields: Value,
    pub(crate) id: CommandId,
    /// The event that it answers.
    pub(crate) event: Uuid,
    pub(crate) correlation: Uuid,
}

/// What inline reactors remember, as a commit would leave it.
#[derive(Default)]
pub(crate) struct Kept {
    cells: Vec<KeptCell>,
}

struct KeptCell {
    names: Names,
    /// The revision of where the reactor began.
    origin: u64,
    cell: Cell,
    /// Whether the key is marked as one that has something to do.
    is_marked: bool,
}

impl Kept {
    /// The documents as they shall be. Each is written, changed or not: the commit was decided on it.
    ///
    /// # Errors
    /// [`StoreError::Encode`] if one of them cannot be written.
    pub fn writes(&self) -> Result<Vec<DocumentWrite>, StoreError> {
        let mut writes = Vec::with_capacity(self.cells.len());
        for KeptCell { names, cell: Cell { key, revision, document }, is_marked, .. } in &self.cells {
            let collection = &names.keys;
            // An empty one stays where it was: a revision that began anew could be taken for the one before.
            let body = if *revision == 0 && document.is_empty() {
                None
            } else {
                let unwritable =
                    |source| StoreError::Encode { what: format!("key \"{key}\" of {collection}"), source };
                Some(serde_json::to_vec(document).map_err(unwritable)?.into())
            };
            writes.push(DocumentWrite {
                collection: collection.clone(),
                key: key.clone(),
                revision: Some(*revision),
                position: document.position,
                body,
            });
            let is_open = document.is_open(true);
            if is_open != *is_marked {
                writes.push(open::mark(names, key, document.position, is_open));
            }
        }
        Ok(writes)
    }

    /// What must be as it is for that: where the reactors began, whose documents these are.
    pub fn requires(&self) -> Vec<DocumentRevision> {
        let mut requires = Vec::new();
        for KeptCell { names, origin, .. } in &self.cells {
            let began = origin::required(names, *origin);
            if !requires.contains(&began) {
                requires.push(began);
            }
        }
        requires
    }

    /// A key's document, read unless the commit has changed it already.
    async fn cell(&mut self, app: &App, reactor: &InlineReactor, key: &str) -> Result<&mut Cell, Refused> {
        let names = &reactor.inner.names;
        let known = self.cells.iter().position(|kept| kept.names.keys == names.keys && kept.cell.key == key);
        let at = if let Some(known) = known {
            known
        } else {
            let origin = match reactor.origin.load(Relaxed) {
                0 => reactor.look(app).await?,
                known => known,
            };
            let cell = Cell::read(app, names, key).await.map_err(|halt| reactor.failed(halt))?;
            let is_marked = cell.document.is_open(true);
            self.cells.push(KeptCell { names: names.clone(), origin, cell, is_marked });
            self.cells.len() - 1
        };
        Ok(&mut self.cells[at].cell)
    }
}

impl InlineReactor {
    pub(super) fn new(inner: Arc<Inner>, deciders: Vec<(&'static str, DecideInner)>) -> Self {
        Self { inner, deciders, origin: AtomicU64::new(0) }
    }

    pub fn name(&self) -> &'static str {
        self.inner.name
    }

    /// Whether it takes events of this name.
    pub fn takes(&self, event: &str) -> bool {
        let names = &self.inner.filter.names;
        names.is_empty() || names.iter().any(|name| name == event)
    }

    /// The names of the commands that it can issue.
    pub fn issues(&self) -> impl Iterator<Item = &'static str> {
        self.deciders.iter().map(|(name, _)| *name)
    }

    /// Who decides a command.
    pub fn decider(&self, command: &str) -> Option<DecideInner> {
        self.deciders.iter().find(|(name, _)| *name == command).map(|(_, decide)| *decide)
    }

    /// Whether this is where it began.
    pub fn began_in(&self, collection: &str) -> bool {
        *self.inner.names.origin == *collection
    }

    /// Reads where it began; the revision of that.
    ///
    /// # Errors
    /// [`CommandError::Inline`] if a newer version is in charge.
    pub async fn look(&self, app: &App) -> Result<u64, Refused> {
        self.origin.store(0, Relaxed);
        let known = origin::stored(app, &self.inner.names).await.map_err(|halt| self.failed(halt))?;
        let (origin, revision) = known;
        if let Some(newer) = origin.superseded_by() {
            return Err(self.inline(Superseded { newer }.into()));
        }
        if !origin.is_folded() {
            return Err(self.inline("it has not folded the past: build the app again".into()));
        }
        self.origin.store(revision, Relaxed);
        Ok(revision)
    }

    /// Runs the methods that take an event, and puts what they leave to what is kept. What they issue is to be
    /// decided, in order.
    ///
    /// # Errors
    /// [`CommandError::Inline`] if a method fails, [`CommandError::Store`] if the store does.
    pub async fn react(
        &self,
        app: &App,
        kept: &mut Kept,
        event: &Arc<RawEvent>,
    ) -> Result<Vec<InnerCommand>, Refused> {
        let mut issued = Vec::new();
        for (key, delivered) in self.inner.methods.deliveries(event).map_err(|halt| self.failed(halt))? {
            let commands = if self.inner.keeps_documents {
                let cell = kept.cell(app, self, &key).await?;
                self.turn(app, &mut cell.document, &key, &delivered).await?
            } else {
                self.turn(app, &mut Document::default(), &key, &delivered).await?
            };
            issued.extend(commands.into_iter().map(|command| InnerCommand {
                name: command.name,
                fields: command.fields,
                id: command.id,
                event: command.origin.event,
                correlation: command.origin.correlation,
            }));
        }
        Ok(issued)
    }

    /// One key's turn; the commands that it issues at once.
    async fn turn(
        &self,
        app: &App,
        document: &mut Document,
        key: &str,
        delivered: &Delivered,
    ) -> Result<Vec<Pending>, Refused> {
        let event = &*delivered.event;
        let calls = delivered.calls.as_ref().map_err(|error| self.inline(error.clone().into()))?;
        let at = event.envelope.recorded_at;
        // A timer that is due by then has fired, whatever the methods make of the others.
        document.fire(at, false);
        let ids = CommandId::reaction(self.inner.name, event.envelope.id, key);
        let (none, state) = (Services::default(), document.state.clone());
        let step = Step {
            app,
            services: &none,
            state: state.as_deref(),
            key,
            event,
            calls,
            attempt: 1,
            ids,
            silent: false,
        };
        let reacted = self.inner.methods.call(step).await.map_err(|error| self.inline(error.into()))?;
        if self.inner.keeps_state {
            document.state = reacted.state;
        }
        let metadata = &event.envelope.metadata;
        let correlation = metadata.correlation_id.unwrap_or(event.envelope.id);
        let origin = Origin { position: event.position, event: event.envelope.id, correlation, at };
        Ok(document.take_at_once(reacted.answers, ids, origin))
    }

    fn failed(&self, halt: Halt) -> Refused {
        match halt {
            Halt::Unavailable(cause) => CommandError::Store(ReadError::Unavailable(cause).into()),
            Halt::Newer(error) => self.inline(error.into()),
            Halt::Stopped(why) => self.inline(why.into()),
            Halt::Fenced | Halt::Done => self.inline("it is gone".into()),
        }
    }

    fn inline(&self, source: BoxError) -> Refused {
        CommandError::Inline { reactor: self.inner.name.to_owned(), source }
    }
}

impl Document {
    /// Takes over what methods want done but for the commands, which are decided at once.
    fn take_at_once(&mut self, answers: Vec<Answer>, ids: CommandId, origin: Origin) -> Vec<Pending> {
        let before = self.pending.len();
        self.take(answers, (ids, ids), origin);
        let issued = self.pending.len() - before;
        self.pending.drain(..issued).collect()
    }
}

impl Desk {
    /// Folds an event of the past that no commit has met, unless that was done.
    pub(super) async fn fold(&self, cell: &mut Cell, delivered: &Delivered) -> Result<(), Halt> {
        if cell.document.position >= delivered.event.position {
            return Ok(());
        }
        self.react(cell, delivered, 1).await.map_err(|trouble| match trouble {
            Trouble::Halt(halt) => halt,
            Trouble::Failed { error, .. } => {
                let (event, position) = (&delivered.event.name, delivered.event.position);
                Halt::Stopped(format!("event \"{event}\" at position {position}: {error}"))
            }
        })
    }

    /// Strikes a command that is carried out.
    pub(super) async fn strike(&self, cell: &mut Cell, command: CommandId) -> Result<(), Halt> {
        self.amend(cell, |next| next.pending.extract_if(.., |pending| pending.id == command).count() > 0)
            .await
    }

    /// Changes a document that commits change, too: on what they have left, as often as they are faster.
    /// Nothing is written where `change` says that there is nothing to change.
    pub(super) async fn amend(
        &self,
        cell: &mut Cell,
        change: impl Fn(&mut Document) -> bool,
    ) -> Result<(), Halt> {
        self.amend_with(cell, Vec::new(), change).await
    }

    /// As [`amend`](Self::amend), with what is written in any case, and together with the change.
    pub(super) async fn amend_with(
        &self,
        cell: &mut Cell,
        beside: Vec<DocumentWrite>,
        change: impl Fn(&mut Document) -> bool,
    ) -> Result<(), Halt> {
        loop {
            let mut next = cell.document.clone();
            if !change(&mut next) {
                return self.write(beside).await;
            }
            match cell.write(self, next, beside.clone()).await {
                Err(Halt::Unavailable(cause)) if self.inline && is_changed(&cause) => {
                    *cell = Cell::load(self, &cell.key).await?;
                }
                written => return written,
            }
        }
    }
}

fn is_changed(cause: &BoxError) -> bool {
    matches!(cause.downcast_ref(), Some(AdvanceError::Changed { .. }))
}
