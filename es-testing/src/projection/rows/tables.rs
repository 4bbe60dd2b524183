//! A projection in a file of its own.

use super::value::show_row;
use crate::fault::Fault;
use crate::world::broken;
use es_core::__private::MountOn;
use es_core::rusqlite::types::Value;
use es_core::rusqlite::{Connection, Error};
use es_core::store::{
    Commit, Durability, EventStore, Expected, NewEvent, ReadError, SqliteOptions, SqliteStore, StoredEvent,
};
use es_core::{App, DrainError};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::marker::PhantomData;
use tempfile::TempDir;

/// Rows, with the names of their columns.
pub(super) struct Selected {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// All rows of all tables, as text and in no order.
pub(super) type Content = BTreeMap<String, Vec<String>>;

/// The tables of a `P`.
pub(super) struct Tables<P> {
    store: SqliteStore,
    app: App,
    // Dropped last: the file goes with it.
    _folder: TempDir,
    projection: PhantomData<fn(P)>,
}

impl<P: MountOn<SqliteStore>> Tables<P> {
    pub(super) async fn open() -> Result<Self, Fault> {
        let folder = tempfile::tempdir().map_err(broken)?;
        // A file that is gone in a moment needs no durability.
        let options = SqliteOptions::new().durability(Durability::Relaxed).readers(1);
        let store = SqliteStore::open_with(folder.path().join("rows.db"), options).await.map_err(broken)?;
        let app = app::<P>(&store).await?;
        Ok(Self { store, app, _folder: folder, projection: PhantomData })
    }

    /// Events come, all at once, and the projection takes them.
    pub(super) async fn take(&self, events: &[StoredEvent]) -> Result<(), Fault> {
        for event in events {
            let commit = Commit::one(event.stream.clone(), Expected::Any, vec![copied(event)]);
            self.store.append(commit).await.map_err(broken)?;
        }
        drain(&self.app).await
    }

    /// Another app takes the place of the one that was there, and looks for something to do.
    pub(super) async fn restart(&mut self) -> Result<(), Fault> {
        self.app = app::<P>(&self.store).await?;
        drain(&self.app).await
    }

    pub(super) async fn rebuild(&self) -> Result<(), Fault> {
        self.app.rebuild(P::NAME).await.map_err(broken)?;
        drain(&self.app).await
    }

    /// What this statement finds.
    pub(super) async fn select(&self, sql: &str) -> Result<Selected, Fault> {
        let statement = sql.to_owned();
        let selected = self.store.read(move |connection| select(connection, &statement)).await;
        selected.map_err(|error| Fault::new(format!("{sql:?} cannot be asked: {}", reason(&error))))
    }

    /// All that readers can see of the projection.
    pub(super) async fn content(&self) -> Result<Content, Fault> {
        let views = self.select("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY 1").await?;
        let mut content = Content::new();
        for view in views.rows.into_iter().flatten() {
            let Value::Text(view) = view else { continue };
            let found = self.select(&format!("SELECT * FROM \"{}\"", view.replace('"', "\"\""))).await?;
            let mut rows: Vec<_> = found.rows.iter().map(|row| show_row(row)).collect();
            rows.sort();
            content.insert(view, rows);
        }
        Ok(content)
    }

    /// Lets the file go.
    pub(super) async fn close(self) {
        self.store.close().await;
    }
}

async fn app<P: MountOn<SqliteStore>>(store: &SqliteStore) -> Result<App, Fault> {
    let built = App::builder(store.clone()).projection::<P>().build().await;
    built.map_err(|error| Fault::new(error.to_string()))
}

async fn drain(app: &App) -> Result<(), Fault> {
    app.drain().await.map_err(|error| match error {
        DrainError::Stopped { reason, .. } => Fault::new(format!("the projection stops: {reason}")),
        other => broken(other),
    })
}

fn select(connection: &Connection, sql: &str) -> Result<Selected, Error> {
    let mut statement = connection.prepare(sql)?;
    let mut columns = Vec::new();
    for column in statement.column_names() {
        columns.push(column.to_owned());
    }
    let values = |row: &es_core::rusqlite::Row<'_>| (0..columns.len()).map(|n| row.get(n)).collect();
    let rows = statement.query_map([], values)?.collect::<Result<_, _>>()?;
    Ok(Selected { columns, rows })
}

/// What SQLite said.
fn reason(error: &ReadError) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn copied(stored: &StoredEvent) -> NewEvent {
    NewEvent {
        id: stored.id,
        name: stored.name.clone(),
        schema: stored.schema,
        recorded_at: stored.recorded_at,
        payload: stored.payload.clone().unwrap_or_default(),
        metadata: stored.metadata.clone(),
    }
}
