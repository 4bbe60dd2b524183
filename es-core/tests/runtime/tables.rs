//! Tables that a build has left and that do not go.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::SqliteStore;

/// What was ever added.
#[projection]
pub struct Shelf;

#[projection]
impl Shelf {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        let articles = tx.table("articles");
        tx.execute_batch(&format!("CREATE TABLE {articles} (article TEXT PRIMARY KEY)"))
    }
    fn added(&self, e: &ArticleAdded, tx: &SqliteTx) -> Result<(), SqliteError> {
        tx.execute(&format!("INSERT INTO {} VALUES (?1)", tx.table("articles")), [&e.article])?;
        Ok(())
    }
}

/// How many articles readers see, and whether the first build's table is there.
async fn seen(store: &SqliteStore) -> (u32, bool) {
    let read = store.read(|connection| {
        let articles = connection.query_row("SELECT count(*) FROM articles", [], |row| row.get(0))?;
        let left = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'articles__shelf_1_1'";
        Ok((articles, connection.query_row(left, [], |row| row.get(0))?))
    });
    read.await.unwrap()
}

async fn app(store: &SqliteStore) -> App {
    App::builder(store.clone()).aggregate::<Cart>().projection::<Shelf>().build().await.unwrap()
}

#[tokio::test]
async fn a_table_that_somebody_refers_to_stays_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let app = app(&store).await;
    app.execute(add("1", "book")).await.unwrap();
    app.drain().await.unwrap();
    let somebody = rusqlite::Connection::open(&file).unwrap();
    let refer = "CREATE TABLE notes (article TEXT REFERENCES articles__shelf_1_1 (article));
                 INSERT INTO notes VALUES ('book')";
    somebody.execute_batch(refer).unwrap();

    app.rebuild("shelf").await.unwrap();
    app.drain().await.unwrap();
    app.execute(add("1", "lamp")).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(seen(&store).await, (2, true));

    // It goes when nobody refers to it any more. That is tried again after a while, and by whoever starts anew.
    somebody.execute_batch("DROP TABLE notes").unwrap();
    self::app(&store).await.drain().await.unwrap();
    assert_eq!(seen(&store).await, (2, false));
}
