//! Servers that are too old, or only read.

use crate::kit::{in_schema, one};
use es_core::Position;
use es_core::store::{AppendError, EventStore, PgOpenError, PgStore};
use tests::server::postgres::Postgres;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Lets a client in as a server of this version, and says no more.
async fn let_in(mut client: TcpStream, version: &str) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    client.read_exact(&mut vec![0; length as usize - 4]).await?;
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], &length[..], body].concat()
    };
    let let_in = message(b'R', &[0; 4]);
    let version = message(b'S', format!("server_version\0{version}\0").as_bytes());
    client.write_all(&[let_in, version, message(b'Z', b"I")].concat()).await?;
    client.read_to_end(&mut Vec::new()).await.map(drop)
}

/// The URL of a server of this version.
async fn of_version(version: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(let_in(client, version));
        }
    });
    format!("postgres://es@127.0.0.1:{port}/postgres?sslmode=disable")
}

#[tokio::test]
async fn a_server_that_is_too_old_is_named() {
    for (version, major) in [("12.22 (Debian 12.22-1)", 12), ("9.6.24", 9)] {
        let url = of_version(version).await;
        let migrated = PgStore::migrate(&url, &in_schema("es")).await.unwrap_err();
        let opened = PgStore::connect_with(&url, in_schema("es")).await.unwrap_err();
        for error in [migrated, opened] {
            let is_named = matches!(error, PgOpenError::OldServer { found, needed: 13 } if found == major);
            assert!(is_named, "{error:?}");
            assert!(error.to_string().contains(&format!("PostgreSQL {major}, 13 is needed")), "{error}");
        }
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_standby_is_read_and_neither_migrated_nor_written_to() {
    let primary = Postgres::start(&[]).await;
    PgStore::migrate(&primary.url(), &in_schema("es")).await.unwrap();
    let standby = primary.replica().await;
    for options in [in_schema("es"), in_schema("es").pooled(), in_schema("other")] {
        let migrated = PgStore::migrate(&standby.url(), &options).await.unwrap_err();
        assert!(matches!(migrated, PgOpenError::ReadOnly), "{migrated:?}");
        assert!(migrated.to_string().contains("primary"), "{migrated}");
    }
    let store = PgStore::connect_with(&standby.url(), in_schema("es")).await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position(0));
    let answer = store.append(one("a-1")).await;
    assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
}
