//! Builds that keep rows, in the database of the log.

use super::build::{Kind, Ready};
use super::error::{ProjectionError, method_error};
use super::events::{self, Failure, Method, Read, Stumble};
use super::ledger::Build;
use super::turn::{Shows, Turn};
use crate::event::RawEvent;
use crate::foreign;
use crate::id::Position;
use crate::incoming::{Message, Takes};
use crate::projection::{Projection, RowApply, RowChange, RowMethod, Rows};
use crate::service::BoxFuture;
use crate::store::may_pass;
use crate::store::{
    Advance, AdvanceError, BoxError, BuildTables, DocumentWrite, Filter, InlineFailure, InlineStep, LEASE,
    Lease, ReadError, RowStore, RowWork, StoredDocument, StoredEvent,
};
use crate::upcast::PayloadError;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use uuid::Uuid;

impl<P: Rows> Method for RowMethod<P> {
    fn takes(&self) -> Takes {
        self.takes
    }
    fn reads(&self) -> fn(&RawEvent) -> Result<Message, PayloadError> {
        self.read
    }
}

/// Rows of a `P`, in a store.
pub(super) struct InRows<P, S> {
    pub store: Arc<S>,
    pub projection: Arc<P>,
}

/// Events that are read, and whether they are the first ones of their build.
pub(super) struct Decoded<P: Rows> {
    events: Arc<Vec<Read<RowMethod<P>>>>,
    is_first: bool,
}

impl<P: Rows<Tx: BuildTables>, S: RowStore<Tx = P::Tx>> Kind for InRows<P, S> {
    type Projection = P;
    type Prepared = Decoded<P>;
    const KEEPS_DOCUMENTS: bool = false;
    /// All others who write wait for it.
    const STEP: u32 = 500;

    fn filter() -> Filter {
        events::filter(P::METHODS)
    }

    fn fault() -> Option<String> {
        let name = P::NAME;
        (name.starts_with('_') || name.contains("__")).then(|| {
            format!(
                "projection \"{name}\" keeps rows, and `__` stands between a table's name and its projection's: \
                 give it a name that neither has `__` in it nor begins with `_`, as in `#[projection(name = \"{}\")]`",
                name.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
            )
        })
    }

    async fn prepare(
        &self,
        _: &Build,
        lease: &Lease,
        events: &[StoredEvent],
        _: bool,
    ) -> Result<Ready<Decoded<P>>, Failure> {
        let effect =
            Decoded { events: read::<P>(events)?, is_first: lease.checkpoint.position == Position(0) };
        Ok(Ready { effect, taken: events.len() })
    }

    async fn commit(
        &self,
        build: &Build,
        advance: Advance,
        prepared: &Decoded<P>,
        shows: Shows,
    ) -> Result<(), AdvanceError> {
        let work = Arc::new(Work {
            projection: self.projection.clone(),
            events: prepared.events.clone(),
            is_first: prepared.is_first,
            tables: tables::<P>(build),
            shows,
        });
        let run: RowWork<P::Tx> = Box::new(move |tx| {
            let work = work.clone();
            Box::pin(async move { work.run(tx).await })
        });
        self.store.advance_with(advance, tables::<P>(build), run).await
    }

    fn tables(build: &Build) -> Option<String> {
        Some(tables::<P>(build))
    }

    fn begin(
        &self,
        build: &Build,
        from: Position,
        events: &[StoredEvent],
        turn: Turn,
    ) -> Result<Box<dyn InlineStep>, InlineFailure> {
        let read = read::<P>(events).map_err(|failure| {
            InlineFailure::at(failure, |done| events.get(done).map(|event| event.position))
        })?;
        let work = Work {
            projection: self.projection.clone(),
            events: read,
            is_first: from == Position(0),
            tables: tables::<P>(build),
            shows: turn.shows,
        };
        Ok(Box::new(Planned { work, ledger: turn.write }))
    }

    async fn drift(&self, _: &Build) -> Result<Vec<String>, ProjectionError> {
        Err(ProjectionError::KeepsRows { name: P::NAME })
    }

    async fn forget(&self, lease: &Lease, build: &Build) -> Result<(), AdvanceError> {
        // Under its own lease, which nobody can hold then: whoever still writes for it must not find its tables
        // gone. An owner of its own, since the holder may be of this process.
        let own = self.store.acquire(&build.processor, Uuid::new_v4(), LEASE).await.map_err(unread)?;
        if own.is_none() && is_known(&*self.store, build).await.map_err(unread)? {
            return Err(AdvanceError::Fenced { processor: build.processor.clone() });
        }
        let advance = Advance::under(own.as_ref().unwrap_or(lease));
        let tables: Arc<str> = tables::<P>(build).into();
        let drop: RowWork<P::Tx> = Box::new(move |tx| {
            let tables = tables.clone();
            Box::pin(async move { tx.drop_tables(&tables).await })
        });
        let dropped = self.store.advance_with(advance, self::tables::<P>(build), drop).await;
        if let Some(own) = own {
            self.store.release(&own).await?;
        }
        dropped?;
        self.store.forget(&build.processor).await
    }
}

fn read<P: Rows>(events: &[StoredEvent]) -> Result<Arc<Vec<Read<RowMethod<P>>>>, Failure> {
    let mut ready = Vec::with_capacity(events.len());
    for (done, stored) in events.iter().enumerate() {
        ready.push(events::read(P::METHODS, stored).map_err(|halt| Failure { done, halt })?);
    }
    Ok(Arc::new(ready))
}

fn unread(error: ReadError) -> AdvanceError {
    AdvanceError::Unavailable(error.into())
}

async fn is_known(store: &impl RowStore, build: &Build) -> Result<bool, ReadError> {
    let stored = store.processors(&build.processor).await?;
    Ok(stored.iter().any(|stored| stored.name == build.processor))
}

/// The end of the names of a build's tables. The projection is in it: another one may call a table the same.
fn tables<P: Projection>(build: &Build) -> String {
    format!("{}_{}_{}", P::NAME, build.id.version, build.id.n)
}

/// What one advance does to the rows.
struct Work<P: Rows> {
    projection: Arc<P>,
    events: Arc<Vec<Read<RowMethod<P>>>>,
    is_first: bool,
    tables: String,
    shows: Shows,
}

impl<P: Rows<Tx: BuildTables>> Work<P> {
    async fn run(&self, tx: &mut P::Tx) -> Result<(), BoxError> {
        // An advance that reached nothing may have made the tables before.
        let is_new = self.is_first && tx.tables(&self.tables).await?.is_empty();
        if is_new {
            let done = foreign::caught(async { P::setup(tx).await }).await;
            method_error(passing(done)?).map_err(|reason| format!("`setup` failed: {reason}"))?;
        }
        for (done, read) in self.events.iter().enumerate() {
            self.apply(tx, read).await?.map_err(|reason| Stumble { done, reason })?;
        }
        match self.shows {
            Shows::Nothing => return Ok(()),
            Shows::IfNew if !is_new => return Ok(()),
            Shows::IfNew => {}
            Shows::InsteadOf(live) => {
                let shown = tx.tables(&self.tables).await?;
                for name in tx.tables(&tables::<P>(&Build::of(P::NAME, live))).await? {
                    if !shown.contains(&name) {
                        tx.hide(&name).await?;
                    }
                }
            }
        }
        for name in tx.tables(&self.tables).await? {
            tx.show(&name, &self.tables).await?;
        }
        Ok(())
    }

    /// The outer error is none of the method's.
    async fn apply(&self, tx: &mut P::Tx, read: &Read<RowMethod<P>>) -> Result<Result<(), String>, BoxError> {
        for (method, message) in &read.messages {
            let (projection, event) = (&*self.projection, &read.event);
            let change = RowChange { projection, message: &**message, event, tx: &mut *tx };
            let done = match method.apply {
                RowApply::Now(apply) => catch_unwind(AssertUnwindSafe(|| apply(change))),
                RowApply::Later(apply) => foreign::caught(apply(change)).await,
            };
            if let Err(reason) = method_error(passing(done)?) {
                return Ok(Err(events::failed(method.name, &read.event, reason)));
            }
        }
        Ok(Ok(()))
    }
}

/// Takes out an error that says nothing against the method: the store tries it again.
fn passing<T>(
    done: std::thread::Result<Result<T, BoxError>>,
) -> Result<std::thread::Result<Result<T, BoxError>>, BoxError> {
    match done {
        Ok(Err(error)) if may_pass(&*error) => Err(error),
        done => Ok(done),
    }
}

/// The work of a commit.
struct Planned<P: Rows> {
    work: Work<P>,
    ledger: Option<DocumentWrite>,
}

impl<P: Rows<Tx: BuildTables>> InlineStep for Planned<P> {
    fn keys(&self) -> Vec<String> {
        Vec::new()
    }

    fn finish(
        self: Box<Self>,
        _: Vec<StoredDocument>,
        transaction: Option<&mut (dyn Any + Send)>,
    ) -> BoxFuture<'_, Result<Vec<DocumentWrite>, InlineFailure>> {
        let Self { work, ledger } = *self;
        Box::pin(async move {
            let tx = transaction.and_then(|transaction| transaction.downcast_mut::<P::Tx>());
            let tx = tx.ok_or("its rows are in another database")?;
            work.run(tx).await.map_err(|cause| match cause.downcast::<Stumble>() {
                Ok(stumble) => {
                    let at = work.events.get(stumble.done).map(|read| read.event.position);
                    InlineFailure { at, cause: stumble.reason.into() }
                }
                Err(cause) => InlineFailure { at: None, cause },
            })?;
            Ok(ledger.into_iter().collect())
        })
    }
}
