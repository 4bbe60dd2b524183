//! Inline projections, taken along by a commit.

use super::column::{self, event_columns, value};
use super::database::Database;
use super::documents;
use super::inline::{Stop, put};
use super::text::{self, escaped};
use super::tx::{PgTx, Spoilt};
use crate::foreign;
use crate::id::Position;
use crate::store::inline::{NEAR, Panicked, caught, is_in_sight};
use crate::store::{
    AppendError, BoxError, Checkpoint, DocumentWrite, Filter, InlineBuild, InlineFailure, InlineProjection,
    InlineStep, ReadError, StoredDocument, StoredEvent, may_pass,
};
use sqlx::postgres::{PgBindIterExt, PgRow};
use std::collections::HashMap;
use std::sync::Arc;

/// A commit that is written, but for what goes with it.
pub(super) struct Written {
    /// The end of the log in front of it.
    pub before: Position,
    pub events: Vec<StoredEvent>,
}

impl Written {
    /// The checkpoint of whoever has all of it.
    fn end(&self) -> Checkpoint {
        let last = self.events.last();
        last.map_or_else(Checkpoint::default, |last| Checkpoint {
            position: last.position,
            event: Some(last.id),
        })
    }
}

/// What a build makes of some events.
type Made = Result<Vec<DocumentWrite>, InlineFailure>;

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Answer(AppendError::Unavailable { cause: error.into() })
    }
}

/// What a commit takes along, none of whose places anybody else changes from here on.
pub(super) struct Company<'a> {
    projections: Vec<Followed<'a>>,
    /// Where the builds are, by their processors.
    places: HashMap<Arc<str>, Checkpoint>,
}

/// A projection and its ledger.
struct Followed<'a> {
    projection: &'a dyn InlineProjection,
    ledger: StoredDocument,
}

impl<'a> Company<'a> {
    /// Takes the processors of all builds. Whoever advances one takes its processor, and then documents; so does a
    /// commit, which must make sure yet that the [ledgers](Self::ledgers) are as they were read here.
    pub async fn hold(
        database: &Database,
        tx: &mut PgTx,
        projections: &'a [Arc<dyn InlineProjection>],
    ) -> Result<Self, Stop> {
        const HOLD: &str = "SELECT name, position, event_id FROM {es}.processors WHERE name = ANY ($1)
            ORDER BY name FOR UPDATE";
        if projections.is_empty() {
            return Ok(Self { projections: Vec::new(), places: HashMap::new() });
        }
        let ledgers: Vec<_> = projections.iter().map(|projection| projection.ledger()).collect();
        let found = documents::find_each(database, tx, &ledgers).await?;
        let followed = found.into_iter().filter_map(|(n, ledger)| {
            projections.get(n).map(|projection| Followed { projection: &**projection, ledger })
        });
        let projections: Vec<_> = followed.collect();
        let builds = projections.iter().flat_map(|one| one.projection.builds(&one.ledger));
        let names: Vec<_> = builds.map(|build| escaped(build.processor()).into_owned()).collect();
        let rows = database.query(HOLD).bind(names).fetch_all(&mut **tx).await?;
        let places = rows.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { projections, places })
    }

    /// The ledgers by collection, key and revision.
    pub fn ledgers(&self) -> impl Iterator<Item = (&'a str, &'a str, u64)> {
        self.projections.iter().map(|one| {
            let (collection, key) = one.projection.ledger();
            (collection, key, one.ledger.revision)
        })
    }

    /// Takes the builds along.
    pub async fn take(&self, database: &Database, tx: &mut PgTx, commit: &Written) -> Result<(), Stop> {
        for Followed { projection, ledger } in &self.projections {
            for build in projection.builds(ledger) {
                if let Some(&from) = self.places.get(build.processor()) {
                    take_along(database, tx, *projection, &*build, from, commit).await?;
                }
            }
        }
        Ok(())
    }
}

async fn take_along(
    database: &Database,
    tx: &mut PgTx,
    projection: &dyn InlineProjection,
    build: &dyn InlineBuild,
    from: Checkpoint,
    commit: &Written,
) -> Result<(), Stop> {
    let events = events_for(database, tx, projection.filter(), build, from, commit).await?;
    let Some(events) = events else { return Ok(()) };
    match write(database, tx, build, from, &events).await? {
        Ok(writes) => {
            put(database, tx, &writes).await?;
            reach(database, tx, build.processor(), commit.end()).await?;
        }
        Err(failure) => failure.of_a_commit_behind(commit.before, projection.name())?,
    }
    Ok(())
}

fn place(row: &PgRow) -> Result<(Arc<str>, Checkpoint), ReadError> {
    let position = Position(column::unsigned(value(row, 1)?));
    Ok((text::unescaped(value(row, 0)?).into(), Checkpoint { position, event: value(row, 2)? }))
}

async fn reach(database: &Database, tx: &mut PgTx, processor: &str, to: Checkpoint) -> Result<(), Stop> {
    const REACH: &str =
        "UPDATE {es}.processors SET position = $2, event_id = $3 WHERE name = $1 AND position <= $2";
    let reach = database.query(REACH).bind(escaped(processor).into_owned());
    reach.bind(column::signed(to.position.0)).bind(to.event).execute(&mut **tx).await?;
    Ok(())
}

/// The events that a build has not got yet; none if it is too far behind, or if what is there cannot be read.
async fn events_for(
    database: &Database,
    tx: &mut PgTx,
    filter: &Filter,
    build: &dyn InlineBuild,
    from: Checkpoint,
    commit: &Written,
) -> Result<Option<Vec<StoredEvent>>, Stop> {
    if !is_in_sight(build, from, commit.before) {
        return Ok(None);
    }
    let mut events = Vec::new();
    if from.position < commit.before {
        match between(database, tx, filter, from.position, commit.before).await {
            Ok(found) => events = found,
            Err(Stop::Answer(AppendError::Unavailable { cause })) if is_corrupt(&*cause) => return Ok(None),
            Err(stop) => return Err(stop),
        }
    }
    if events.len() > NEAR {
        build.left_behind();
        return Ok(None);
    }
    let accepts =
        |event: &&StoredEvent| filter.accepts(event.stream.as_str(), event.stream.category(), &event.name);
    events.extend(commit.events.iter().filter(accepts).cloned());
    Ok(Some(events))
}

fn is_corrupt(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(ReadError::Corrupt { .. }))
}

/// The events of a filter behind `after`, up to `to`: one more than a build is taken over, at most.
async fn between(
    database: &Database,
    tx: &mut PgTx,
    filter: &Filter,
    after: Position,
    to: Position,
) -> Result<Vec<StoredEvent>, Stop> {
    const BETWEEN: &str = concat!(
        "SELECT ",
        event_columns!(),
        ", stream FROM {es}.events WHERE position > $1 AND position <= $2
            AND (cardinality($3::text[]) = 0 OR category = ANY ($3))
            AND (cardinality($4::text[]) = 0 OR name = ANY ($4))
            AND (cardinality($5::text[]) = 0 OR stream = ANY ($5))
        ORDER BY position LIMIT $6"
    );
    let rows = database
        .query(BETWEEN)
        .bind(column::signed(after.0))
        .bind(column::signed(to.0))
        .bind(filter.categories.iter().map(|category| escaped(category)).bind_iter())
        .bind(filter.names.iter().map(|name| escaped(name)).bind_iter())
        .bind(filter.streams.iter().map(|stream| escaped(stream.as_str())).bind_iter())
        .bind(i64::try_from(NEAR + 1).unwrap_or(i64::MAX))
        .fetch_all(&mut **tx)
        .await?;
    let mut last = None;
    Ok(rows.iter().map(|row| column::event_of_log(row, &mut last)).collect::<Result<_, _>>()?)
}

/// What a build makes of some events. Where it fails, its rows are as they were.
async fn write(
    database: &Database,
    tx: &mut PgTx,
    build: &dyn InlineBuild,
    from: Checkpoint,
    events: &[StoredEvent],
) -> Result<Made, Stop> {
    let begun = caught(|| {
        let step = build.begin(from.position, events)?;
        let keys = step.keys();
        Ok((step, keys))
    });
    let (step, keys) = match begun {
        Ok(begun) => begun,
        Err(failure) => return Ok(Err(failure)),
    };
    let documents = match &keys[..] {
        [] => Vec::new(),
        keys => documents::find_in(database, tx, build.processor(), keys).await?,
    };
    let Some(tables) = build.tables() else {
        return Ok(finished(step, documents, None).await);
    };
    sqlx::raw_sql("SAVEPOINT es_build").execute(&mut **tx).await?;
    let made = write_rows(tx, build.processor(), tables, step, documents).await?;
    match &made {
        Err(failure) if may_pass(&*failure.cause) => {
            // Nothing of the transaction is kept.
            return made.map(Ok).map_err(|failure| Stop::InTheWay(failure.cause));
        }
        Err(failure) if is_ended(&failure.cause) => return Ok(made),
        Err(_) => {
            sqlx::raw_sql("ROLLBACK TO SAVEPOINT es_build").execute(&mut **tx).await?;
        }
        Ok(_) => {}
    }
    sqlx::raw_sql("RELEASE SAVEPOINT es_build").execute(&mut **tx).await?;
    Ok(made)
}

/// Whether what the commit had stored is gone with the transaction, so that nothing of it can be kept.
fn is_ended(cause: &BoxError) -> bool {
    matches!(cause.downcast_ref(), Some(Spoilt::Ended))
}

async fn write_rows(
    tx: &mut PgTx,
    processor: &str,
    tables: &str,
    step: Box<dyn InlineStep>,
    documents: Vec<StoredDocument>,
) -> Result<Made, Stop> {
    if tx.enter(processor, tables).await?.is_none() {
        return Ok(Err("its processor is gone".into()));
    }
    let made = finished(step, documents, Some(tx)).await;
    match (tx.leave().await, made) {
        (Err(Spoilt::Failed(error)), _) => Err(Stop::Failed(error)),
        (Err(Spoilt::Ended), _) => Ok(Err(Spoilt::Ended.into())),
        // What the method says comes first.
        (Err(Spoilt::Aborted), Ok(_)) => Ok(Err(Spoilt::Aborted.into())),
        (_, made) => Ok(made),
    }
}

async fn finished(step: Box<dyn InlineStep>, documents: Vec<StoredDocument>, tx: Option<&mut PgTx>) -> Made {
    let tx = tx.map(|tx| tx as &mut (dyn std::any::Any + Send));
    let done = foreign::caught(step.finish(documents, tx)).await;
    done.unwrap_or_else(|panic| Err(Panicked::with(&*panic).into()))
}
