//! Work that does what it must not, and databases that are in the way.

use crate::kit::*;
use es_core::sqlx::{self, Connection};
use es_core::store::AdvanceError;
use es_core::{Position, store::Advance};

const ENDED: &str = "it has ended the transaction that it was given";

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn work_that_commits_fails_and_leaves_nothing() {
    for sql in ["COMMIT", "COMMIT AND CHAIN", "END", "PREPARE TRANSACTION 'mine'"] {
        let (place, held) = Place::with_table().await;
        let commit = work!(|tx| {
            enter(tx, 50).await?;
            sqlx::raw_sql(sql).execute(&mut **tx).await?;
        });
        let said = failure(&place.work(advance_to(&held, 3), commit).await);
        assert!(said.contains("a projection does not end the transaction"), "{sql}: {said}");
        let unheard = work!(|tx| {
            enter(tx, 50).await?;
            assert!(sqlx::raw_sql(sql).execute(&mut **tx).await.is_err());
        });
        assert_eq!(failure(&place.work(advance_to(&held, 3), unheard).await), ENDED);
        assert_eq!((place.balance().await, place.position("balances").await), (0, Position(0)));
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn work_that_rolls_back_fails_and_writes_nothing_behind_it() {
    let (place, held) = Place::with_table().await;
    let roll_back = work!(|tx| {
        enter(tx, 50).await?;
        sqlx::raw_sql("ROLLBACK").execute(&mut **tx).await?;
        // Outside of any transaction, this would be stored.
        let sql = format!("INSERT INTO {} VALUES ('a-2', 3)", tx.table("balances"));
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut **tx).await.is_err());
    });
    assert_eq!(failure(&place.work(advance_to(&held, 3), roll_back).await), ENDED);
    let anew = work!(|tx| {
        enter(tx, 50).await?;
        sqlx::raw_sql("ROLLBACK; BEGIN").execute(&mut **tx).await?;
    });
    assert_eq!(failure(&place.work(advance_to(&held, 3), anew).await), ENDED);
    assert_eq!((place.balance().await, place.position("balances").await), (0, Position(0)));
    place.work(advance_to(&held, 3), deposit(7)).await.unwrap();
    assert_eq!(place.balance().await, 7);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_statement_that_fails_unheard_fails_the_work() {
    let (place, held) = Place::with_table().await;
    let unheard = work!(|tx| {
        enter(tx, 50).await?;
        assert!(sqlx::query("SELECT 1 / 0").execute(&mut **tx).await.is_err());
    });
    let said = failure(&place.work(advance_to(&held, 3), unheard).await);
    assert!(said.starts_with("a statement of it has failed") && said.contains("`tx.begin()`"), "{said}");
    let heard = work!(|tx| {
        enter(tx, 50).await?;
        sqlx::query("SELECT 1 / 0").execute(&mut **tx).await?;
    });
    let said = failure(&place.work(advance_to(&held, 3), heard).await);
    assert!(said.contains("division by zero"), "{said}");
    assert_eq!((place.balance().await, place.position("balances").await), (0, Position(0)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_statement_may_fail_in_a_savepoint() {
    let (place, held) = Place::with_table().await;
    let careful = work!(|tx| {
        enter(tx, 50).await?;
        let mut savepoint = tx.begin().await?;
        assert!(sqlx::query("SELECT 1 / 0").execute(&mut *savepoint).await.is_err());
        savepoint.rollback().await?;
    });
    place.work(advance_to(&held, 3), careful).await.unwrap();
    assert_eq!((place.balance().await, place.position("balances").await), (50, Position(3)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_is_in_the_log_stays() {
    let (place, held) = Place::with_table().await;
    let sql: &str = format!("DELETE FROM {}.events", place.schema).leak();
    let delete = work!(|tx| {
        sqlx::query(sql).execute(&mut **tx).await?;
    });
    let said = failure(&place.work(advance_to(&held, 3), delete).await);
    assert!(said.contains("events stay as they are"), "{said}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_work_leaves_in_its_session_is_gone() {
    let (place, held) = Place::with_table().await;
    let leave = work!(|tx| {
        let sql =
            "SET statement_timeout = '1h'; CREATE TEMP TABLE balances (x int); SELECT pg_advisory_lock(7);
            SET ROLE es; LISTEN mine; DECLARE mine CURSOR WITH HOLD FOR SELECT 1";
        sqlx::raw_sql(sql).execute(&mut **tx).await?;
    });
    place.work(Advance::under(&held), leave).await.unwrap();
    for _ in 0..5 {
        let look = work!(|tx| {
            let sql = "SELECT current_setting('statement_timeout') <> '1h'
                AND to_regclass('pg_temp.balances') IS NULL AND current_setting('role') = 'none'
                AND NOT EXISTS (SELECT FROM pg_listening_channels())
                AND NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'mine')
                AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7
                    AND pid = pg_backend_pid())";
            assert!(sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut **tx).await?);
        });
        place.work(Advance::under(&held), look).await.unwrap();
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_lost_connection_is_no_failure_of_the_work() {
    let (place, held) = Place::with_table().await;
    let lost = work!(|tx| {
        enter(tx, 50).await?;
        sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut **tx).await?;
    });
    let answer = place.work(advance_to(&held, 3), lost).await;
    assert!(matches!(answer, Err(AdvanceError::Unavailable(_))), "{answer:?}");
    let deaf = work!(|tx| {
        let end = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut **tx).await;
        if end.is_err() {
            return Err("it did not work".into());
        }
    });
    let answer = place.work(advance_to(&held, 3), deaf).await;
    assert!(matches!(answer, Err(AdvanceError::Unavailable(_))), "{answer:?}");
    place.work(advance_to(&held, 3), deposit(7)).await.unwrap();
    assert_eq!(place.balance().await, 7);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn connections_that_the_server_has_ended_are_not_used() {
    let (place, held) = Place::with_table().await;
    for to in 1..4 {
        place
            .run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND query LIKE '%pg_advisory_unlock_all%'",
            )
            .await;
        place.work(advance_to(&held, to), deposit(1)).await.unwrap();
    }
    assert_eq!(place.balance().await, 3);
}
