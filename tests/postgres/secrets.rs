//! What an error shows, and what it does not.

use crate::kit::{commit, event, fresh, in_schema, one, run, superuser, url_of};
use es_core::store::{AppendError, EventStore, Expected, NewEvent, PgOptions, PgStore};
use std::error::Error;

/// All that somebody can see of an error.
fn shown(error: &dyn Error) -> String {
    let mut shown = vec![format!("{error} {error:?}")];
    let mut source = error.source();
    while let Some(cause) = source {
        shown.push(format!("{cause} {cause:?}"));
        source = cause.source();
    }
    shown.join(" ")
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn an_error_of_the_connection_has_no_password() {
    let urls = [
        url_of("es", "hunter2", ""),
        "postgres://es:hunter2@nowhere.invalid/there".to_owned(),
        "postgres://es:hunter2@127.0.0.1:1/there".to_owned(),
        "postgres://es:hunter2@127.0.0.1:hunter2/there".to_owned(),
        "postgres://es:hunter2@127.0.0.1/there?sslmode=hunter2".to_owned(),
        "mysql://es:hunter2@127.0.0.1/there".to_owned(),
    ];
    for url in urls {
        let opened = PgStore::connect(&url).await.unwrap_err();
        let migrated = PgStore::migrate(&url, &PgOptions::new()).await.unwrap_err();
        for error in [&opened, &migrated] {
            assert!(!shown(error).contains("hunter2"), "{}", shown(error));
        }
    }
    assert!(!format!("{:?}", in_schema("es").listen("postgres://es:hunter2@there")).contains("hunter2"));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_refused_value_is_not_in_the_error() {
    let (store, schema) = fresh().await;
    let rule = "ALTER TABLE {es}.events ADD CONSTRAINT short CHECK (length(payload) < 10)";
    run(&mut superuser().await, &schema, rule).await.unwrap();
    let secret = NewEvent { payload: "the payload is hunter2".into(), ..event() };
    let refused = store.append(commit("a-1", Expected::Any, vec![secret])).await.unwrap_err();
    assert!(matches!(refused, AppendError::Invalid { .. }), "{refused:?}");
    let shown = shown(&refused);
    assert!(shown.contains("23514"), "{shown}");
    // As text, and as the server writes bytes.
    assert!(!shown.contains("hunter2") && !shown.contains("68756e74657232"), "{shown}");
    assert!(store.append(one("a-1")).await.is_ok());
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn an_error_of_the_server_keeps_its_code() {
    let (store, schema) = fresh().await;
    run(&mut superuser().await, &schema, "ALTER TABLE {es}.events RENAME TO elsewhere").await.unwrap();
    let failed = store.append(one("a-1")).await.unwrap_err();
    assert!(matches!(failed, AppendError::Unavailable { .. }), "{failed:?}");
    assert!(shown(&failed).contains("42P01"), "{}", shown(&failed));
}
