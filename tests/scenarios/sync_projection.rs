//! Read models that are written with the command: whoever gave it reads its effect at once, and what a table
//! does not allow is refused.

use crate::kit::recorded;
use crate::todo::{CreateTodoList, NameUpdated, TodoList, TodoListCreated, UpdateName};
use es_core::prelude::*;
use es_core::sqlx;
use es_testing::prelude::*;
use tests::place::{File, Place as _, Schema};

/// What stands on the front page.
#[projection(key = String, inline)]
pub struct Heading {
    name: String,
    renamed: u32,
}

#[projection]
impl Heading {
    fn created(&mut self, e: &TodoListCreated) {
        self.name.clone_from(&e.name);
    }
    fn renamed(&mut self, e: &NameUpdated) {
        self.name.clone_from(&e.name);
        self.renamed += 1;
    }
}

/// No two lists have one name.
#[projection(inline)]
pub struct ListNames;

#[projection]
impl ListNames {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        let table = tx.table("list_names");
        tx.execute_batch(&format!("CREATE TABLE {table} (list TEXT PRIMARY KEY, name TEXT UNIQUE) STRICT"))
    }
    fn created(&self, e: &TodoListCreated, list: &String, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("INSERT INTO {} VALUES (?1, ?2)", tx.table("list_names"));
        tx.execute(&sql, [list, &e.name]).map(drop)
    }
    fn renamed(&self, e: &NameUpdated, list: &String, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("UPDATE {} SET name = ?2 WHERE list = ?1", tx.table("list_names"));
        tx.execute(&sql, [list, &e.name]).map(drop)
    }
}

fn create(list: &str, name: &str) -> CreateTodoList {
    CreateTodoList { list: list.into(), name: name.into() }
}
fn rename(list: &str, name: &str) -> UpdateName {
    UpdateName { list: list.into(), name: name.into() }
}

on_every_store! {
    not on nats: "a commit takes no documents along there";
    a_heading_is_read_as_soon_as_the_command_is_answered,
}

async fn a_heading_is_read_as_soon_as_the_command_is_answered(store: impl EventStore) {
    let app = App::builder(store).aggregate::<TodoList>().projection::<Heading>().build().await.unwrap();
    let list = "1".to_owned();
    app.execute(create("1", "My first list")).await.unwrap();
    assert_eq!(app.document::<Heading>(&list).await.unwrap().unwrap().name, "My first list");
    app.execute(rename("1", "New name")).await.unwrap();
    let heading = app.document::<Heading>(&list).await.unwrap();
    assert_eq!(heading, Some(Heading { name: "New name".into(), renamed: 1 }));
}

#[test]
fn a_heading_counts_how_often_a_list_was_renamed() {
    let named = |name: &str| NameUpdated { name: name.into() };
    projection::<Heading>()
        .given(&"1".to_owned(), (TodoListCreated { name: "One".into() }, named("Two"), named("Three")))
        .then(&"1".to_owned(), Heading { name: "Three".into(), renamed: 2 })
        .then_none(&"2".to_owned());
}

/// The same names in PostgreSQL.
mod in_postgres {
    use super::{NameUpdated, TodoListCreated};
    use es_core::prelude::*;
    use es_core::sqlx;

    #[projection(inline)]
    pub struct ListNames;

    #[projection]
    impl ListNames {
        async fn setup(tx: &mut PgTx) -> Result<(), PgError> {
            let create = "CREATE TABLE list_names (list text PRIMARY KEY, name text UNIQUE)";
            sqlx::query(create).execute(&mut **tx).await.map(drop)
        }
        async fn created(&self, e: &TodoListCreated, list: &String, tx: &mut PgTx) -> Result<(), PgError> {
            let insert = sqlx::query("INSERT INTO list_names VALUES ($1, $2)");
            insert.bind(list).bind(&e.name).execute(&mut **tx).await.map(drop)
        }
        async fn renamed(&self, e: &NameUpdated, list: &String, tx: &mut PgTx) -> Result<(), PgError> {
            let update = sqlx::query("UPDATE list_names SET name = $2 WHERE list = $1");
            update.bind(list).bind(&e.name).execute(&mut **tx).await.map(drop)
        }
    }
}

#[tokio::test]
async fn a_name_that_is_taken_in_sqlite_is_refused_with_the_command() {
    let file = File::fresh().await;
    let store = file.open().await;
    let app = App::builder(store.clone()).aggregate::<TodoList>().projection::<ListNames>();
    a_name_that_is_taken_is_refused(&store, app.build().await.unwrap()).await;
    let names = "SELECT group_concat(name) FROM (SELECT name FROM list_names ORDER BY list)";
    let names: String = store.read(move |file| file.query_row(names, [], |row| row.get(0))).await.unwrap();
    assert_eq!(names, "Garden,Yard");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_name_that_is_taken_in_postgres_is_refused_with_the_command() {
    let schema = Schema::fresh().await;
    let store = schema.open().await;
    let app = App::builder(store.clone()).aggregate::<TodoList>().projection::<in_postgres::ListNames>();
    a_name_that_is_taken_is_refused(&store, app.build().await.unwrap()).await;
    let names = sqlx::query_scalar("SELECT string_agg(name, ',' ORDER BY list) FROM list_names");
    let names: String = store.read(async |rows| names.fetch_one(rows).await).await.unwrap();
    assert_eq!(names, "Garden,Yard");
}

async fn a_name_that_is_taken_is_refused(store: &impl EventStore, app: App) {
    app.execute(create("1", "Shopping")).await.unwrap();
    app.execute(create("2", "Garden")).await.unwrap();
    let taken = [
        app.execute(create("3", "Garden")).await.map(drop).unwrap_err(),
        app.execute(rename("1", "Garden")).await.map(drop).unwrap_err(),
    ];
    for refused in taken {
        assert!(
            matches!(&refused, CommandError::Inline { reactor, .. } if reactor == "list_names"),
            "{refused:?}"
        );
        assert!(refused.is_refusal());
    }
    assert_eq!(recorded(store).await, 2);
    app.execute(rename("2", "Yard")).await.unwrap();
    app.execute(rename("1", "Garden")).await.unwrap();
}
