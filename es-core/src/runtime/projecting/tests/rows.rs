//! Projections that keep rows, in the file of the log.

use super::fixture::*;
use crate::app::App;
use crate::id::Position;
use crate::incoming::{Takes, message, read_event};
use crate::projection::{MountOn, Projection, RowApply, RowChange, RowKind, RowMethod, Rows};
use crate::runtime::{Halt, ProjectionError};
use crate::service::BoxFuture;
use crate::store::{BoxError, EventStore, RowStore, SqliteStore, SqliteTx};
use tempfile::TempDir;

/// A row for each sale. Version `V` writes `V` beside it.
#[derive(Default)]
struct SaleRows<const V: u32>;

impl<const V: u32> Projection for SaleRows<V> {
    const NAME: &'static str = "sale_rows";
    const VERSION: u32 = V;
    type Key = ();
    const INLINE: bool = false;
    const FINGERPRINT: u64 = 3;
}

impl<const V: u32> Rows for SaleRows<V> {
    type Tx = SqliteTx;
    const METHODS: &'static [RowMethod<Self>] = &[
        RowMethod {
            name: "sold",
            takes: Takes::event::<Sold>(),
            read: read_event::<Sold>,
            apply: RowApply::Now(|RowChange { message: given, tx, .. }| {
                let item = &message::<Sold>(given).item;
                tx.execute(&format!("INSERT INTO {} VALUES (?1, ?2)", tx.table("sales")), (item, V))?;
                Ok(())
            }),
        },
        RowMethod {
            name: "broken",
            takes: Takes::event::<Broken>(),
            read: read_event::<Broken>,
            apply: RowApply::Now(|RowChange { message: given, .. }| {
                assert!(!message::<Broken>(given).panics, "out of paper");
                Err("out of ink".into())
            }),
        },
    ];
    fn setup(tx: &mut SqliteTx) -> BoxFuture<'_, Result<(), BoxError>> {
        let made =
            tx.execute_batch(&format!("CREATE TABLE {} (item TEXT, version INTEGER)", tx.table("sales")));
        Box::pin(std::future::ready(made.map_err(Into::into)))
    }
}

impl<S: RowStore<Tx = SqliteTx>, const V: u32> MountOn<S> for SaleRows<V> {
    type Kind = RowKind;
}

/// Another one, whose table has the same name. `SPLIT` puts two underscores into its own.
#[derive(Default)]
struct Refunds<const SPLIT: bool>;

impl<const SPLIT: bool> Projection for Refunds<SPLIT> {
    const NAME: &'static str = if SPLIT { "of__refunds" } else { "refunds" };
    const VERSION: u32 = 1;
    type Key = ();
    const INLINE: bool = false;
    const FINGERPRINT: u64 = 4;
}

impl<const SPLIT: bool> Rows for Refunds<SPLIT> {
    type Tx = SqliteTx;
    const METHODS: &'static [RowMethod<Self>] = &[RowMethod {
        name: "sold",
        takes: Takes::event::<Sold>(),
        read: read_event::<Sold>,
        apply: RowApply::Now(|_| Ok(())),
    }];
    fn setup(tx: &mut SqliteTx) -> BoxFuture<'_, Result<(), BoxError>> {
        SaleRows::<1>::setup(tx)
    }
}

impl<S: RowStore<Tx = SqliteTx>, const SPLIT: bool> MountOn<S> for Refunds<SPLIT> {
    type Kind = RowKind;
}

async fn opened() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("log.db")).await.unwrap();
    (store, folder)
}

/// What a reader's own connection sees.
fn read(folder: &TempDir) -> Vec<(String, u32)> {
    let reader = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    let mut rows = reader.prepare("SELECT item, version FROM sales ORDER BY item").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn tables(folder: &TempDir) -> Vec<String> {
    let reader = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    let find = "SELECT name FROM sqlite_schema WHERE name LIKE 'sales%' ORDER BY name";
    let mut rows = reader.prepare(find).unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn the_view_is_there_before_the_first_event() {
    let (store, folder) = opened().await;
    App::builder(store).projection::<SaleRows<1>>().build().await.unwrap();
    assert_eq!(read(&folder), []);
}

#[tokio::test]
async fn rows_are_read_through_a_view() {
    let (store, folder) = opened().await;
    write(&store, [sold("tea"), sold("cup")]).await;
    let app = app::<SaleRows<1>, _>(&store).await;
    let follower = &*followers(&app)[0];
    run(&store, &app, follower, 1).await.unwrap();
    assert_eq!(read(&folder), owned(&[("cup", 1), ("tea", 1)]));
    assert_eq!(tables(&folder), ["sales", "sales__sale_rows_1_1"]);
}

#[tokio::test]
async fn a_page_that_comes_twice_is_written_once() {
    let (store, folder) = opened().await;
    write(&store, [sold("tea")]).await;
    let app = app::<SaleRows<1>, _>(&store).await;
    let follower = &*followers(&app)[0];
    let lease = take(&store, follower).await;
    let page = page(&store, follower, Position(0), 100).await;
    for _ in 0..2 {
        follower.follow(&app, &mut lease.clone(), page.clone()).await.unwrap();
    }
    assert_eq!(read(&folder), owned(&[("tea", 1)]));
}

#[tokio::test]
async fn a_new_version_takes_the_view_over_and_gives_it_back() {
    let (store, folder) = opened().await;
    write(&store, [sold("tea")]).await;
    let old = app::<SaleRows<1>, _>(&store).await;
    drain(&store, &old).await;
    let new = app::<SaleRows<2>, _>(&store).await;
    assert_eq!(read(&folder), owned(&[("tea", 1)]));
    drain(&store, &new).await;
    assert_eq!(read(&folder), owned(&[("tea", 2)]));
    drain(&store, &app::<SaleRows<1>, _>(&store).await).await;
    assert_eq!(read(&folder), owned(&[("tea", 1)]));
}

#[tokio::test]
async fn a_rebuild_drops_the_tables_that_it_replaces() {
    let (store, folder) = opened().await;
    write(&store, [sold("tea")]).await;
    let app = app::<SaleRows<1>, _>(&store).await;
    drain(&store, &app).await;
    app.rebuild("sale_rows").await.unwrap();
    drain(&store, &app).await;
    assert_eq!(tables(&folder), ["sales", "sales__sale_rows_1_2"]);
    assert_eq!(read(&folder), owned(&[("tea", 1)]));
    let left = store.processors("projection.").await.unwrap();
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn a_switch_on_an_empty_log_makes_the_tables_once() {
    let (store, folder) = opened().await;
    app::<SaleRows<1>, _>(&store).await;
    let app = app::<SaleRows<2>, _>(&store).await;
    drain(&store, &app).await;
    assert_eq!(read(&folder), []);
    write(&store, [sold("tea")]).await;
    drain(&store, &app).await;
    assert_eq!(read(&folder), owned(&[("tea", 2)]));
}

#[tokio::test]
async fn a_method_that_fails_leaves_the_rows_before_it() {
    for (panics, reason) in [(false, "out of ink"), (true, "it panicked: out of paper")] {
        let (store, folder) = opened().await;
        write(&store, [sold("tea"), new(&Broken { panics }), sold("tea")]).await;
        let app = app::<SaleRows<1>, _>(&store).await;
        let follower = &*followers(&app)[0];
        let halt = run(&store, &app, follower, 100).await.unwrap_err();
        let Halt::Stopped(said) = halt else { panic!("{halt:?}") };
        let place = "`broken` failed on event \"Broken\" at position 2 (stream shop-1, version 2)";
        assert_eq!(said, format!("{place}: {reason}"));
        assert_eq!(take(&store, follower).await.checkpoint.position, Position(1));
        assert_eq!(read(&folder), owned(&[("tea", 1)]));
    }
}

#[tokio::test]
async fn a_view_of_another_projection_is_left_to_it() {
    let (store, folder) = opened().await;
    write(&store, [sold("tea")]).await;
    drain(&store, &app::<SaleRows<1>, _>(&store).await).await;
    let faulty = App::builder(store).projection::<Refunds<false>>().build().await.unwrap_err();
    assert_eq!(
        faulty.faults(),
        [
            "projection \"refunds\": there is a view \"sales\" already, which is not of this projection: give the \
          table another name, as in `tx.table(\"other_sales\")`"
        ]
    );
    assert_eq!(read(&folder), owned(&[("tea", 1)]));
    assert_eq!(tables(&folder), ["sales", "sales__sale_rows_1_1"]);
}

#[tokio::test]
async fn a_name_that_cannot_be_told_from_that_of_a_table_is_a_fault() {
    let (store, _folder) = opened().await;
    let faulty = App::builder(store).projection::<Refunds<true>>().build().await.unwrap_err();
    assert_eq!(
        faulty.faults(),
        [
            "projection \"of__refunds\" keeps rows, and `__` stands between a table's name and its projection's: \
          give it a name that neither has `__` in it nor begins with `_`, as in \
          `#[projection(name = \"of_refunds\")]`"
        ]
    );
}

#[tokio::test]
async fn tables_stay_while_somebody_still_holds_their_build() {
    let (store, folder) = opened().await;
    write(&store, [sold("tea")]).await;
    let app = app::<SaleRows<1>, _>(&store).await;
    drain(&store, &app).await;
    let held = take(&store, &*followers(&app)[0]).await;
    app.rebuild("sale_rows").await.unwrap();
    let new = followers(&app).pop().unwrap();
    run(&store, &app, &*new, 100).await.unwrap();
    assert_eq!(tables(&folder), ["sales", "sales__sale_rows_1_1", "sales__sale_rows_1_2"]);
    store.release(&held).await.unwrap();
    run(&store, &app, &*new, 100).await.unwrap();
    assert_eq!(tables(&folder), ["sales", "sales__sale_rows_1_2"]);
}

#[tokio::test]
async fn rows_are_neither_copied_nor_compared() {
    let (store, _folder) = opened().await;
    let app = App::builder(store).projection::<SaleRows<1>>().build().await.unwrap();
    let error = app.rebuild_until("sale_rows", second(1)).await.unwrap_err();
    assert!(matches!(error, ProjectionError::KeepsRows { name: "sale_rows" }));
    let error = app.matches_events("sale_rows").await.unwrap_err();
    assert!(matches!(error, ProjectionError::KeepsRows { name: "sale_rows" }));
}
