//! What a store is not opened on.

use crate::kit::by_hand;
use crate::started::Started;
use async_nats::jetstream::stream::Config;
use es_core::Position;
use es_core::store::{EventStore, NatsConnect, NatsOpenError, NatsOptions, NatsStore};
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;
use tests::server::{unique, variable};

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_server_that_keeps_no_batch_whole_is_too_old() {
    let server = Started::new(&variable("ES_NATS_OLD_BIN"), &["--jetstream"]).await;
    let refused = NatsStore::connect(&server.url).await.unwrap_err();
    assert_eq!(refused.to_string(), "the server is nats-server 2.11.11, needed is 2.12.1 or later");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_server_without_jetstream_is_refused() {
    let server = Started::new(&variable("ES_NATS_BIN"), &[]).await;
    let refused = NatsStore::connect(&server.url).await.unwrap_err();
    assert!(matches!(refused, NatsOpenError::NoJetStream), "{refused:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_stream_that_could_lose_something_is_refused() {
    type Change = fn(&mut Config);
    let change: [(&str, Change); 8] = [
        ("allow_atomic", |config| config.allow_atomic_publish = false),
        ("allow_direct", |config| config.allow_direct = false),
        ("deny_purge", |config| config.deny_purge = false),
        ("deny_delete", |config| config.deny_delete = false),
        ("max_msgs", |config| config.max_messages = 10),
        ("max_msg_size", |config| config.max_message_size = 1_000),
        ("max_age", |config| config.max_age = Duration::from_hours(1)),
        ("duplicate_window", |config| config.duplicate_window = Duration::from_secs(1)),
    ];
    let context = by_hand().await;
    for (setting, change) in change {
        let namespace = unique();
        let options = NatsOptions::new().namespace(namespace.clone());
        NatsStore::connect_with(&variable("ES_NATS"), options.clone()).await.unwrap();
        let name = format!("ES_{namespace}");
        let mut config = context.get_stream(&name).await.unwrap().cached_info().config.clone();
        context.delete_stream(&name).await.unwrap();
        change(&mut config);
        context.create_stream(config).await.unwrap();
        let refused = NatsStore::connect_with(&variable("ES_NATS"), options).await.unwrap_err();
        let found =
            matches!(&refused, NatsOpenError::Misconfigured { setting: found, .. } if *found == setting);
        assert!(found, "{setting}: {refused:?}");
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn more_replicas_than_there_are_is_refused() {
    let namespace = unique();
    let options = NatsOptions::new().namespace(namespace);
    NatsStore::connect_with(&variable("ES_NATS"), options.clone()).await.unwrap();
    let refused = NatsStore::connect_with(&variable("ES_NATS"), options.replicas(3)).await.unwrap_err();
    assert!(matches!(refused, NatsOpenError::Misconfigured { setting: "num_replicas", .. }), "{refused:?}");
    let options = NatsOptions::new().namespace(unique()).replicas(3);
    let refused = NatsStore::connect_with(&variable("ES_NATS"), options).await.unwrap_err();
    assert!(matches!(refused, NatsOpenError::TooFewServers { replicas: 3, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_namespace_is_letters_digits_and_underscores() {
    for namespace in ["", "a.b", "a b", "a*", ">", "größe", &"x".repeat(65)] {
        let options = NatsOptions::new().namespace(namespace);
        let refused = NatsStore::connect_with("nats://127.0.0.1:1", options).await.unwrap_err();
        assert!(matches!(refused, NatsOpenError::InvalidNamespace), "{namespace:?}: {refused:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_without_its_address() {
    let connect = NatsConnect::new().connection_timeout(Duration::from_secs(1));
    for url in ["nats://user:secret@127.0.0.1:1", "nats://user:secret@[", "nats://a:1,nats://user:secret@:x"]
    {
        let options = NatsOptions::new().connect(connect.clone());
        let refused = NatsStore::connect_with(url, options).await.unwrap_err();
        let told = told(&refused);
        assert!(matches!(refused, NatsOpenError::Unavailable(_)), "{told}");
        assert!(!told.contains("secret") && !told.contains("127.0.0.1"), "{told}");
    }
}

/// All that an error says, with what is beneath it.
fn told(error: &NatsOpenError) -> String {
    let mut told = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        write!(told, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    told
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_user_and_a_password_in_the_url_log_in() {
    let bin = variable("ES_NATS_BIN");
    let server = Started::new(&bin, &["--jetstream", "--user", "a clerk", "--pass", "sé@cret"]).await;
    // The first of several addresses that has them has them for all.
    let first = server.url_with("a%20clerk:s%C3%A9%40cret");
    for url in [format!("{first},{}", server.url), format!("{}, {first}", server.url)] {
        let store = NatsStore::connect(&url).await.unwrap();
        assert_eq!(store.head().await.unwrap(), Position(0));
    }
    for before in ["a%20clerk:another", "another:s%C3%A9%40cret", "s%C3%A9%40cret", "a%20clerk:%FF"] {
        let refused = NatsStore::connect(&server.url_with(before)).await.unwrap_err();
        let told = told(&refused);
        let expected = if before.contains("%FF") {
            matches!(refused, NatsOpenError::Unavailable(_))
        } else {
            matches!(refused, NatsOpenError::LoginRefused)
        };
        assert!(expected, "{told}");
        for secret in ["clerk", "cret", "another", "FF", "127.0.0.1"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_user_without_a_password_is_a_token() {
    let bin = variable("ES_NATS_BIN");
    let server = Started::new(&bin, &["--jetstream", "--auth", "tok%en"]).await;
    NatsStore::connect(&server.url_with("tok%25en")).await.unwrap();
    for url in [server.url_with("token"), server.url.clone()] {
        let refused = NatsStore::connect(&url).await.unwrap_err();
        assert!(matches!(refused, NatsOpenError::LoginRefused), "{refused:?}");
    }
}
