//! The server is who it says it is, if the URL asks for that.

use crate::kit::{fresh, in_schema, one, url_of};
use es_core::store::{EventStore, PgOpenError, PgStore};
use tests::server::variable;

const STRANGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/postgres/stranger.crt");

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_certificate_that_is_known_is_taken_and_another_is_not() {
    let (_, schema) = fresh().await;
    let signed_by = |authority: &str| {
        url_of("es", "a%20secret", &format!("?sslmode=verify-full&sslrootcert={authority}"))
    };
    let known = PgStore::connect_with(&signed_by(&variable("ES_POSTGRES_CA")), in_schema(&schema)).await;
    assert!(known.unwrap().append(one("a-1")).await.is_ok());
    let unknown = PgStore::connect_with(&signed_by(STRANGER), in_schema(&schema)).await;
    assert!(matches!(unknown, Err(PgOpenError::Unavailable(_))), "{unknown:?}");
}
