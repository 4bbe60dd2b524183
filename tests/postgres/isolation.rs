//! Positions are given under a lock, which holds only where each statement sees what the last holder has stored.

use crate::kit::{events, fresh, in_schema, one, refusal, role, run, superuser, url_of};
use es_core::StreamId;
use es_core::store::{Durability, EventStore, Expected, PgStore};
use tests::server::{postgres_url, unique};

const APPEND: &str = "SELECT {es}.append('{1}', '{a-1}', '{-1}', '{-1}', '{0}', ARRAY[gen_random_uuid()],
    '{}', '{}', '{}', '{1}', ARRAY[gen_random_uuid()], '{Counted}', '{1}', '{0}', '{x}', '{x}')";

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn another_isolation_level_writes_nothing() {
    let (_, schema) = fresh().await;
    let edit = "SELECT {es}.close_stream('a-1', -1, '')";
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        for statement in [APPEND, edit] {
            let mut connection = superuser().await;
            run(&mut connection, &schema, &format!("BEGIN ISOLATION LEVEL {level}")).await.unwrap();
            assert_eq!(refusal(run(&mut connection, &schema, statement).await), "25001", "{level}");
            run(&mut connection, &schema, "COMMIT").await.unwrap();
        }
    }
    assert_eq!(events(&schema).await, 0);
    run(&mut superuser().await, &schema, APPEND).await.unwrap();
    assert_eq!(events(&schema).await, 1);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_is_usual_for_a_role_does_not_matter() {
    let settings = "ALTER ROLE {role} SET default_transaction_isolation = 'serializable';
        ALTER ROLE {role} SET default_transaction_read_only = on; ALTER ROLE {role} SET search_path = ''";
    let role = role(settings).await;
    for durability in [Durability::Full, Durability::Relaxed] {
        for is_pooled in [false, true] {
            let schema = unique();
            let options = in_schema(&schema).app_role(&role).durability(durability);
            PgStore::migrate(&postgres_url(), &options).await.unwrap();
            let options = if is_pooled { options.pooled() } else { options };
            let store = PgStore::connect_with(&url_of(&role, "theirs", ""), options).await.unwrap();
            store.append(one("a-1")).await.unwrap();
            store.close_stream(&StreamId::named("a-1"), Expected::Exact(1), "done").await.unwrap();
            store.append(one("a-2")).await.unwrap();
            assert_eq!(events(&schema).await, 2, "{durability:?}, pooled: {is_pooled}");
        }
    }
}
