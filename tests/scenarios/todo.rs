//! Lists of things to do, and the items on them: two aggregates.

use crate::kit::{recorded, stored};
use es_core::prelude::*;
use es_core::sqlx;
use es_core::store::{PgStore, SqliteStore};
use std::sync::{Arc, Mutex};
use tests::place::{File, Place, Schema};

#[event(name = "todo_list/created")]
pub struct TodoListCreated {
    pub name: String,
}
#[event(name = "todo_list/name_updated")]
pub struct NameUpdated {
    pub name: String,
}
#[event(name = "todo_item/created")]
pub struct TodoItemCreated {
    pub todo_list_id: String,
    pub name: String,
}

#[command(TodoList)]
pub struct CreateTodoList {
    #[id]
    pub list: String,
    pub name: String,
}
#[command(TodoList)]
pub struct UpdateName {
    #[id]
    pub list: String,
    pub name: String,
}
#[command(TodoItem)]
pub struct CreateTodoItem {
    #[id]
    pub item: String,
    pub list: String,
    pub name: String,
}

#[aggregate(id = String)]
pub struct TodoList {
    name: String,
}

#[applier]
impl TodoList {
    fn created(e: &TodoListCreated) -> Self {
        Self { name: e.name.clone() }
    }
    fn name_updated(&mut self, e: &NameUpdated) {
        self.name.clone_from(&e.name);
    }
}

#[command_handler]
impl TodoList {
    fn create(command: CreateTodoList) -> TodoListCreated {
        TodoListCreated { name: command.name }
    }
    fn update_name(&self, command: UpdateName) -> Option<NameUpdated> {
        (command.name != self.name).then_some(NameUpdated { name: command.name })
    }
}

#[aggregate(id = String)]
pub struct TodoItem {
    list: String,
    name: String,
}

#[applier]
impl TodoItem {
    fn created(e: &TodoItemCreated) -> Self {
        Self { list: e.todo_list_id.clone(), name: e.name.clone() }
    }
}

#[command_handler]
impl TodoItem {
    fn create(command: CreateTodoItem) -> TodoItemCreated {
        TodoItemCreated { todo_list_id: command.list, name: command.name }
    }
}

/// The lists by name, as documents.
#[projection(key = String)]
pub struct ListNames {
    name: String,
}

#[projection]
impl ListNames {
    fn created(&mut self, e: &TodoListCreated) {
        self.name.clone_from(&e.name);
    }
    fn name_updated(&mut self, e: &NameUpdated) {
        self.name.clone_from(&e.name);
    }
}

/// The same, as rows.
#[projection]
pub struct ListRows;

#[projection]
impl ListRows {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        let table = tx.table("todo_lists");
        tx.execute_batch(&format!("CREATE TABLE {table} (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT"))
    }
    fn created(&self, e: &TodoListCreated, list: &String, tx: &SqliteTx) -> Result<(), SqliteError> {
        let insert = format!("INSERT INTO {} VALUES (?1, ?2)", tx.table("todo_lists"));
        tx.execute(&insert, (list, &e.name)).map(drop)
    }
    fn name_updated(&self, e: &NameUpdated, list: &String, tx: &SqliteTx) -> Result<(), SqliteError> {
        let update = format!("UPDATE {} SET name = ?2 WHERE id = ?1", tx.table("todo_lists"));
        tx.execute(&update, (list, &e.name)).map(drop)
    }
}

/// Who was helped to get started: for which list, by which event.
#[derive(Default)]
pub struct Welcomed(Mutex<Vec<(String, Uuid)>>);

#[reactor]
pub struct SendGettingStartedEmail;

#[reactor]
impl SendGettingStartedEmail {
    async fn created(&self, e: &TodoListCreated, env: &Envelope, welcomed: &Welcomed) {
        welcomed.0.lock().unwrap().push((e.name.clone(), env.id));
    }
}

async fn app(store: impl EventStore) -> App {
    App::builder(store).aggregate::<TodoList>().aggregate::<TodoItem>().build().await.unwrap()
}

/// The app with the list of names.
async fn listing(store: impl EventStore) -> App {
    App::builder(store).aggregate::<TodoList>().projection::<ListNames>().build().await.unwrap()
}

/// The name of list 1 among the documents, when everything is done.
async fn listed(app: &App) -> Option<String> {
    app.drain().await.unwrap();
    app.document::<ListNames>(&"1".into()).await.unwrap().map(|list| list.name)
}

fn create(name: &str) -> CreateTodoList {
    CreateTodoList { list: "1".into(), name: name.into() }
}
fn rename(name: &str) -> UpdateName {
    UpdateName { list: "1".into(), name: name.into() }
}

on_every_store! {
    ac_17_a_list_is_created,
    ac_17_whoever_creates_a_list_is_helped_once,
    ac_17_a_list_is_listed,
    ac_18_a_list_is_renamed,
    ac_18_a_renamed_list_is_listed_by_its_new_name,
    ac_19_renaming_to_the_same_name_changes_nothing,
    ac_20_an_item_is_a_stream_of_its_own,
}

async fn ac_17_a_list_is_created(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    let source = Metadata::new().with("source", "test");
    let done = app.execute(create("My first list")).metadata(source).await.unwrap();
    assert_eq!(done.state.unwrap().name, "My first list");

    let event = app.history::<TodoList>(&"1".into()).await.unwrap().remove(0);
    assert_eq!(event.envelope.metadata.get::<String>("source").as_deref(), Some("test"));
    assert_eq!(stored(&store, &event.envelope.stream).await[0].name, "todo_list/created");
}

async fn ac_17_whoever_creates_a_list_is_helped_once(store: impl EventStore) {
    let welcomed = Arc::new(Welcomed::default());
    let app = App::builder(store)
        .aggregate::<TodoList>()
        .reactor::<SendGettingStartedEmail>()
        .service::<Welcomed>(welcomed.clone())
        .build()
        .await
        .unwrap();
    app.execute(create("My first list")).await.unwrap();
    app.execute(create("My first list")).await.unwrap_err();
    app.execute(rename("New name")).await.unwrap();
    app.drain().await.unwrap();
    let created = app.history::<TodoList>(&"1".into()).await.unwrap()[0].envelope.id;
    assert_eq!(*welcomed.0.lock().unwrap(), [("My first list".to_owned(), created)]);
}

async fn ac_17_a_list_is_listed(store: impl EventStore) {
    let app = listing(store).await;
    assert_eq!(listed(&app).await, None);
    app.execute(create("My first list")).await.unwrap();
    assert_eq!(listed(&app).await.as_deref(), Some("My first list"));
}

async fn ac_18_a_list_is_renamed(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    app.execute(create("My first list")).await.unwrap();
    let done = app.execute(rename("New name")).await.unwrap();
    assert_eq!((done.version, done.state.unwrap().name.as_str()), (2, "New name"));
    let event = stored(&store, &StreamId::named("todo_list-1")).await.remove(1);
    assert_eq!(event.name, "todo_list/name_updated");
    assert_eq!(event.payload.as_deref(), Some(br#"{"name":"New name"}"#.as_slice()));
}

async fn ac_18_a_renamed_list_is_listed_by_its_new_name(store: impl EventStore) {
    let app = listing(store).await;
    app.execute(create("My first list")).await.unwrap();
    listed(&app).await;
    app.execute(rename("New name")).await.unwrap();
    assert_eq!(listed(&app).await.as_deref(), Some("New name"));
}

async fn ac_19_renaming_to_the_same_name_changes_nothing(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    app.execute(create("My first list")).await.unwrap();
    app.execute(rename("New name")).await.unwrap();
    let again = app.execute(rename("New name")).await.unwrap();
    assert_eq!((again.version, again.events), (2, vec![]));
    assert_eq!(recorded(&store).await, 2);
}

async fn ac_20_an_item_is_a_stream_of_its_own(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    app.execute(create("New name")).await.unwrap();
    let item = CreateTodoItem { item: "1".into(), list: "1".into(), name: "Todo".into() };
    app.execute(item).await.unwrap();

    let item = app.load::<TodoItem>(&"1".into()).await.unwrap().unwrap();
    assert_eq!((item.name.as_str(), item.list.as_str()), ("Todo", "1"));
    assert_eq!(stored(&store, &StreamId::named("todo_item-1")).await[0].name, "todo_item/created");
    assert_eq!(stored(&store, &StreamId::named("todo_list-1")).await.len(), 1);
}

/// The rows in PostgreSQL.
mod in_postgres {
    use super::{NameUpdated, TodoListCreated};
    use es_core::prelude::*;
    use es_core::sqlx;

    #[projection]
    pub struct ListRows;

    #[projection]
    impl ListRows {
        async fn setup(tx: &mut PgTx) -> Result<(), PgError> {
            let create = "CREATE TABLE todo_lists (id text PRIMARY KEY, name text NOT NULL)";
            sqlx::query(create).execute(&mut **tx).await.map(drop)
        }
        async fn created(&self, e: &TodoListCreated, list: &String, tx: &mut PgTx) -> Result<(), PgError> {
            let insert = sqlx::query("INSERT INTO todo_lists VALUES ($1, $2)");
            insert.bind(list).bind(&e.name).execute(&mut **tx).await.map(drop)
        }
        async fn name_updated(&self, e: &NameUpdated, list: &String, tx: &mut PgTx) -> Result<(), PgError> {
            let update = sqlx::query("UPDATE todo_lists SET name = $2 WHERE id = $1");
            update.bind(list).bind(&e.name).execute(&mut **tx).await.map(drop)
        }
    }
}

/// A store that keeps lists as rows.
trait KeepsRows: EventStore + Clone {
    async fn listing(&self) -> App;
    /// The rows as a reader sees them.
    async fn rows(&self) -> Vec<(String, String)>;
}

impl KeepsRows for SqliteStore {
    async fn listing(&self) -> App {
        let app = App::builder(self.clone()).aggregate::<TodoList>().projection::<ListRows>();
        app.build().await.unwrap()
    }
    async fn rows(&self) -> Vec<(String, String)> {
        let rows = self.read(|connection| {
            let mut lists = connection.prepare("SELECT id, name FROM todo_lists ORDER BY id")?;
            let rows = lists.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        });
        rows.await.unwrap()
    }
}

impl KeepsRows for PgStore {
    async fn listing(&self) -> App {
        let app = App::builder(self.clone()).aggregate::<TodoList>().projection::<in_postgres::ListRows>();
        app.build().await.unwrap()
    }
    async fn rows(&self) -> Vec<(String, String)> {
        let lists = sqlx::query_as("SELECT id, name FROM todo_lists ORDER BY id");
        self.read(async |rows| lists.fetch_all(rows).await).await.unwrap()
    }
}

#[tokio::test]
async fn ac_17_ac_18_a_list_is_a_row_and_the_row_is_renamed_in_sqlite() {
    a_list_is_a_row_and_the_row_is_renamed(File::fresh().await).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn ac_17_ac_18_a_list_is_a_row_and_the_row_is_renamed_in_postgres() {
    a_list_is_a_row_and_the_row_is_renamed(Schema::fresh().await).await;
}

async fn a_list_is_a_row_and_the_row_is_renamed(place: impl Place<Store: KeepsRows>) {
    let store = place.open().await;
    let app = store.listing().await;
    app.execute(create("My first list")).await.unwrap();
    app.drain().await.unwrap();
    let row = |name: &str| ("1".to_owned(), name.to_owned());
    assert_eq!(store.rows().await, [row("My first list")]);
    app.execute(rename("New name")).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(store.rows().await, [row("New name")]);
}
