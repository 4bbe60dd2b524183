//! Work in the transaction of the checkpoint.

use crate::kit::*;
use es_core::Position;
use es_core::sqlx::{self, AssertSqlSafe};
use es_core::store::{
    Advance, AdvanceError, BuildTables, DocumentWrite, EventStore, PgOptions, PgStore, RowStore,
};
use tests::server;

fn document(revision: Option<u64>) -> DocumentWrite {
    let (collection, key) = ("balances".into(), "k".into());
    DocumentWrite { collection, key, revision, position: Position(3), body: Some("x".into()) }
}

async fn documents(place: &Place) -> usize {
    place.store.documents("balances", &["k".to_owned()]).await.unwrap().len()
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn rows_documents_and_checkpoint_are_written_together() {
    let (place, held) = Place::with_table().await;
    let advance = Advance { writes: vec![document(None)], ..advance_to(&held, 3) };
    place.work(advance, deposit(50)).await.unwrap();
    let stored = (place.balance().await, place.position("balances").await, documents(&place).await);
    assert_eq!(stored, (50, Position(3), 1));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_table_has_a_whole_name_too() {
    let (place, held) = Place::with_table().await;
    let schema: &str = place.schema.clone().leak();
    let named = work!(|tx| {
        assert_eq!(tx.table("balances"), format!("\"{schema}__{BUILD}\".\"balances\""));
        assert!(tx.table("odd \" name").ends_with(".\"odd \"\" name\""));
        let sql = format!("INSERT INTO {} VALUES ('a-1', 5)", tx.table("balances"));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut **tx).await?;
    });
    place.work(Advance::under(&held), named).await.unwrap();
    assert_eq!(place.balance().await, 5);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn work_that_fails_leaves_nothing() {
    let (place, held) = Place::with_table().await;
    let fail = work!(|tx| {
        enter(tx, 50).await?;
        sqlx::raw_sql("CREATE TABLE beside (x int)").execute(&mut **tx).await?;
        if tx.table("balances").ends_with("balances\"") {
            return Err("no such account".into());
        }
    });
    let advance = Advance { writes: vec![document(None)], ..advance_to(&held, 3) };
    assert_eq!(failure(&place.work(advance, fail).await), "no such account");
    let stored = (place.balance().await, place.position("balances").await, documents(&place).await);
    assert_eq!(stored, (0, Position(0), 0));
    assert_eq!(place.number("SELECT count(*) FROM pg_class WHERE relname = 'beside'").await, 0);
    place.work(advance_to(&held, 3), deposit(7)).await.unwrap();
    assert_eq!(place.balance().await, 7);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_panic_in_work_is_its_error() {
    let (place, held) = Place::with_table().await;
    let panics = work!(|tx| {
        enter(tx, 50).await?;
        Vec::<i64>::new().first().expect("every account has a balance");
    });
    let answer = place.work(advance_to(&held, 3), panics).await;
    assert_eq!(failure(&answer), "panicked: every account has a balance");
    assert_eq!((place.balance().await, place.position("balances").await), (0, Position(0)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_changed_document_takes_the_rows_back() {
    let (place, held) = Place::with_table().await;
    let stale = Advance { writes: vec![document(Some(3))], ..advance_to(&held, 3) };
    let answer = place.work(stale, deposit(50)).await;
    assert!(matches!(answer, Err(AdvanceError::Changed { .. })), "{answer:?}");
    assert_eq!(place.balance().await, 0);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn work_under_a_lost_lease_or_from_elsewhere_does_not_run() {
    let (place, held) = Place::with_table().await;
    let from = advance_to(&held, 2).to;
    let moved = place.work(Advance { from, ..advance_to(&held, 3) }, deposit(1)).await;
    assert!(matches!(moved, Err(AdvanceError::Moved { .. })), "{moved:?}");
    place.store.release(&held).await.unwrap();
    let fenced = place.work(advance_to(&held, 3), deposit(1)).await;
    assert!(matches!(fenced, Err(AdvanceError::Fenced { .. })), "{fenced:?}");
    assert_eq!(place.balance().await, 0);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn work_that_has_been_done_is_not_done_again() {
    let (place, held) = Place::with_table().await;
    for to in [3, 3, 2, 4] {
        place.work(advance_to(&held, to), deposit(10)).await.unwrap();
    }
    assert_eq!((place.balance().await, place.position("balances").await), (20, Position(4)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_future_that_is_dropped_in_the_middle_leaves_nothing() {
    let (place, held) = Place::with_table().await;
    let (said, heard) = tokio::sync::oneshot::channel();
    let mut said = Some(said);
    let waits: es_core::store::RowWork<es_core::store::PgTx> = Box::new(move |tx| {
        let said = said.take();
        Box::pin(async move {
            enter(tx, 50).await?;
            said.map(|said| said.send(()));
            std::future::pending::<()>().await;
            Ok(())
        })
    });
    tokio::select! {
        answer = place.work(advance_to(&held, 3), waits) => panic!("it has ended: {answer:?}"),
        heard = heard => heard.unwrap(),
    }
    place.work(advance_to(&held, 3), deposit(7)).await.unwrap();
    assert_eq!(place.balance().await, 7);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn rows_that_refer_to_none_are_an_error_of_the_work() {
    let (place, held) = Place::with_table().await;
    let make = work!(|tx| {
        let sql = "CREATE TABLE entries (account text REFERENCES balances DEFERRABLE INITIALLY DEFERRED)";
        sqlx::query(sql).execute(&mut **tx).await?;
    });
    place.work(Advance::under(&held), make).await.unwrap();
    let refer = work!(|tx| {
        sqlx::query("INSERT INTO entries VALUES ('nobody')").execute(&mut **tx).await?;
    });
    let said = failure(&place.work(advance_to(&held, 3), refer).await);
    assert!(said.contains("foreign key") && !said.contains("nobody"), "{said}");
    assert_eq!(place.position("balances").await, Position(0));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn tables_that_refer_to_each_other_are_dropped_and_those_of_others_hold_them() {
    let (place, held) = Place::with_table().await;
    let refer = work!(|tx| {
        let sql = "CREATE TYPE kind AS ENUM ('in', 'out');
            CREATE TABLE entries (account text REFERENCES balances, kind kind, n bigserial);
            ALTER TABLE balances ADD COLUMN last bigint; CREATE VIEW both_of_them AS SELECT * FROM entries";
        sqlx::raw_sql(sql).execute(&mut **tx).await?;
        assert_eq!(tx.tables(BUILD).await?, ["balances", "entries"]);
    });
    place.work(Advance::under(&held), refer).await.unwrap();
    let build = format!("\"{}__{BUILD}\"", place.schema);
    place.run(&format!("CREATE TABLE {{es}}.notes (account text REFERENCES {build}.balances)")).await;
    let drop = || work!(|tx| { tx.drop_tables(BUILD).await? });
    let said = failure(&place.work(Advance::under(&held), drop()).await);
    assert!(said.contains("depend"), "{said}");
    place.run("DROP TABLE {es}.notes").await;
    place.work(Advance::under(&held), drop()).await.unwrap();
    let left = format!("SELECT count(*) FROM pg_namespace WHERE quote_ident(nspname) = '{build}'");
    assert_eq!(place.number(&left).await, 0);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn long_names_of_builds_are_kept_apart() {
    let place = Place::new().await;
    let held = lease(&place.store, "balances").await;
    let make = || {
        work!(|tx| {
            sqlx::query("CREATE TABLE balances (x int)").execute(&mut **tx).await?;
        })
    };
    for end in ["_1_1", "_1_2"] {
        let build = format!("{}{end}", "a_long_name_".repeat(6));
        place.store.advance_with(Advance::under(&held), build, make()).await.unwrap();
    }
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'balances'
        AND schemaname LIKE '{es}%' AND octet_length(schemaname) = 63";
    assert_eq!(place.number(tables).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_role_without_other_rights_keeps_rows_and_shows_them() {
    let (schema, role) = (server::unique(), server::unique());
    let place = Place::new().await;
    place.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'a secret'")).await;
    let options = PgOptions::new().schema(&schema).app_role(&role);
    PgStore::migrate(&server::postgres_url(), &options).await.unwrap();
    let url = server::postgres_url().replacen("//es:", &format!("//{role}:"), 1);
    let store = PgStore::connect_with(&url, options).await.unwrap();
    let held = lease(&store, "balances").await;
    let show = work!(|tx| {
        sqlx::query("CREATE TABLE balances (balance bigint)").execute(&mut **tx).await?;
        sqlx::query("INSERT INTO balances VALUES (5)").execute(&mut **tx).await?;
        tx.show("balances", BUILD).await?;
    });
    store.advance_with(Advance::under(&held), BUILD.into(), show).await.unwrap();
    let sum = "SELECT sum(balance)::bigint FROM balances";
    let reading = store.read(async |rows| sqlx::query_scalar::<_, i64>(sum).fetch_one(rows).await);
    assert_eq!(reading.await.unwrap(), 5);
    let drop = work!(|tx| {
        tx.hide("balances").await?;
        tx.drop_tables(BUILD).await?;
    });
    store.advance_with(Advance::under(&held), BUILD.into(), drop).await.unwrap();
    let left =
        format!("SELECT count(*) FROM pg_class WHERE relname = 'balances' AND relowner = '{role}'::regrole");
    assert_eq!(place.number(&left).await, 0);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn readers_of_rows_only_read() {
    let (place, _held) = Place::with_table().await;
    for sql in ["DELETE FROM pg_class", "COMMIT; CREATE TABLE public.mine (x int)"] {
        let answer = place.store.read(async |rows| sqlx::raw_sql(sql).execute(rows).await).await;
        assert!(answer.is_err(), "{sql}");
    }
}
