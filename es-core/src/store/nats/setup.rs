//! What must be there before a store can be used: a server that is new enough, and two JetStream streams that keep
//! what they are given.

use super::names::Names;
use super::server::Source;
use super::{NatsOpenError, NatsOptions};
use crate::store::BoxError;
use async_nats::client::Client;
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, ErrorCode};
use async_nats::{ConnectErrorKind, ServerAddr, ServerInfo};
use percent_encoding::percent_decode_str;
use std::fmt::Debug;
use std::time::Duration;

/// The first server that recognises repeated ids within a batch.
const NEEDED: (u64, u64, u64) = (2, 12, 1);
const NEEDED_TEXT: &str = "2.12.1";

/// How long the servers recognise a repeated id of any stream.
const REPEATED_WITHIN: Duration = Duration::from_mins(10);

/// Connects, and makes sure that the server is new enough.
pub(super) async fn connect(url: &str, options: &NatsOptions) -> Result<Client, NatsOpenError> {
    let (addresses, login) = addresses(url)?;
    let connect = match login {
        Some(Login::User(user, password)) => options.connect.clone().user_and_password(user, password),
        Some(Login::Token(token)) => options.connect.clone().token(token),
        None => options.connect.clone(),
    };
    let client = connect.connect(addresses).await.map_err(|error| match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            NatsOpenError::LoginRefused
        }
        // The kind alone: the causes beneath it may name addresses.
        kind => unavailable(kind.to_string()),
    })?;
    check_version(&client.server_info())?;
    Ok(client)
}

fn unavailable(what: impl Into<BoxError>) -> NatsOpenError {
    NatsOpenError::Unavailable(what.into())
}

/// What a URL says before the host's name.
#[cfg_attr(test, derive(Debug, PartialEq))]
enum Login {
    User(String, String),
    Token(String),
}

/// The servers, and the first login of all that stand there: a client has one for all its servers. It takes none
/// from an address, which therefore keeps none.
fn addresses(url: &str) -> Result<(Vec<ServerAddr>, Option<Login>), NatsOpenError> {
    let no_url = || unavailable("an address is no URL");
    let mut addresses = Vec::new();
    let mut first = None;
    for address in url.split(',') {
        let mut url = address.trim().parse::<ServerAddr>().map_err(|_| no_url())?.into_inner();
        if first.is_none() {
            first = login(url.username(), url.password())?;
        }
        url.set_password(None).and_then(|()| url.set_username("")).map_err(|()| no_url())?;
        addresses.push(ServerAddr::from_url(url).map_err(|_| no_url())?);
    }
    Ok((addresses, first))
}

fn login(user: &str, password: Option<&str>) -> Result<Option<Login>, NatsOpenError> {
    let decoded = |text| match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(unavailable("the user or the password in an address is no UTF-8")),
    };
    Ok(match (user, password) {
        ("", None) => None,
        (token, None) => Some(Login::Token(decoded(token)?)),
        (user, Some(password)) => Some(Login::User(decoded(user)?, decoded(password)?)),
    })
}

fn check_version(server: &ServerInfo) -> Result<(), NatsOpenError> {
    if version(&server.version).is_some_and(|found| found >= NEEDED) {
        return Ok(());
    }
    Err(NatsOpenError::TooOld { found: server.version.clone(), needed: NEEDED_TEXT })
}

/// The numbers of a version; what stands behind a `-` is no number.
fn version(text: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = text.split('-').next()?.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some((next()?, next()?, next()?))
}

/// The JetStream streams of a namespace, which are made if they are not there.
pub(super) async fn streams(
    context: &Context,
    names: &Names,
    options: &NatsOptions,
) -> Result<(Source, Source), NatsOpenError> {
    let is_clustered = context.client().server_info().cluster.is_some();
    let replicas = options.replicas.unwrap_or(if is_clustered { 3 } else { 1 });
    let log = stream(context, log_config(names, replicas)).await?;
    let keep = stream(context, keep_config(names, replicas)).await?;
    Ok((log, keep))
}

/// The log: nothing goes out of it, whatever happens.
fn log_config(names: &Names, replicas: usize) -> Config {
    Config {
        name: names.log(),
        subjects: vec![names.events(), names.edits()],
        description: Some("A log of events".to_owned()),
        deny_delete: true,
        deny_purge: true,
        duplicate_window: REPEATED_WITHIN,
        ..common(replicas)
    }
}

/// What is beside the log: of each subject the last message alone, and not even that once it is of no use.
fn keep_config(names: &Names, replicas: usize) -> Config {
    Config {
        name: names.keep(),
        subjects: vec![names.kept()],
        description: Some("What follows a log of events".to_owned()),
        max_messages_per_subject: 1,
        allow_message_ttl: true,
        ..common(replicas)
    }
}

fn common(replicas: usize) -> Config {
    Config {
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_message_size: -1,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

async fn stream(context: &Context, wanted: Config) -> Result<Source, NatsOpenError> {
    let found = match find(context, &wanted.name).await? {
        Some(found) => found,
        None => make(context, &wanted).await?,
    };
    check(&found, &wanted)?;
    match context.get_stream_no_info(&wanted.name).await {
        Ok(stream) => Ok(Source::new(wanted.name, stream, found.num_replicas)),
        Err(error) => Err(refused(&wanted.name, error)),
    }
}

/// How a stream is set up; `None` if there is no such stream.
async fn find(context: &Context, name: &str) -> Result<Option<Config>, NatsOpenError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) => match cause.error_code() {
                ErrorCode::STREAM_NOT_FOUND => Ok(None),
                ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                    Err(NatsOpenError::NoJetStream)
                }
                _ => Err(refused(name, cause)),
            },
            // Nobody listens where JetStream would answer.
            GetStreamErrorKind::Request if !context.client().server_info().jetstream => {
                Err(NatsOpenError::NoJetStream)
            }
            _ => Err(NatsOpenError::Unavailable(error.into())),
        },
    }
}

async fn make(context: &Context, wanted: &Config) -> Result<Config, NatsOpenError> {
    match context.create_stream(wanted.clone()).await {
        Ok(stream) => Ok(stream.cached_info().config.clone()),
        Err(error) => match code(&error.kind()) {
            // Somebody else has been faster.
            Some(ErrorCode::STREAM_NAME_EXIST) => {
                find(context, &wanted.name).await?.ok_or_else(|| refused(&wanted.name, error))
            }
            Some(ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED | ErrorCode::CLUSTER_NO_PEERS)
                if wanted.num_replicas > 1 =>
            {
                let (stream, replicas) = (wanted.name.clone(), wanted.num_replicas);
                Err(NatsOpenError::TooFewServers { stream, replicas })
            }
            _ => Err(refused(&wanted.name, error)),
        },
    }
}

fn code(error: &CreateStreamErrorKind) -> Option<ErrorCode> {
    match error {
        CreateStreamErrorKind::JetStream(cause) => Some(cause.error_code()),
        _ => None,
    }
}

fn refused(stream: &str, cause: impl Into<BoxError>) -> NatsOpenError {
    NatsOpenError::Refused { stream: stream.to_owned(), cause: cause.into() }
}

/// Makes sure that a stream can be relied on. What makes it no worse, such as compression, may be as it likes.
fn check(found: &Config, wanted: &Config) -> Result<(), NatsOpenError> {
    let check = Check { stream: &wanted.name };
    check.same("subjects", &found.subjects, &wanted.subjects)?;
    check.same("allow_atomic", &found.allow_atomic_publish, &wanted.allow_atomic_publish)?;
    check.same("allow_direct", &found.allow_direct, &wanted.allow_direct)?;
    check.same("deny_delete", &found.deny_delete, &wanted.deny_delete)?;
    check.same("deny_purge", &found.deny_purge, &wanted.deny_purge)?;
    check.same("allow_rollup_hdrs", &found.allow_rollup, &wanted.allow_rollup)?;
    check.same("retention", &found.retention, &wanted.retention)?;
    check.same("discard", &found.discard, &wanted.discard)?;
    check.same("storage", &found.storage, &wanted.storage)?;
    check.same("max_msgs_per_subject", &found.max_messages_per_subject, &wanted.max_messages_per_subject)?;
    check.same("max_msgs", &found.max_messages, &wanted.max_messages)?;
    check.same("max_bytes", &found.max_bytes, &wanted.max_bytes)?;
    check.same("max_msg_size", &found.max_message_size, &wanted.max_message_size)?;
    check.same("max_age", &found.max_age, &Duration::ZERO)?;
    check.same("sealed", &found.sealed, &false)?;
    check.same("no_ack", &found.no_ack, &false)?;
    check.same("persist_mode", &found.persist_mode.unwrap_or_default(), &PersistenceMode::Default)?;
    check.same("mirror", &found.mirror.is_some(), &false)?;
    check.same("sources", &found.sources.is_some(), &false)?;
    check.same("subject_transform", &found.subject_transform.is_some(), &false)?;
    check.same("subject_delete_marker_ttl", &found.subject_delete_marker_ttl, &None)?;
    check.same("allow_msg_counter", &found.allow_message_counter, &false)?;
    check.same("allow_msg_ttl", &found.allow_message_ttl, &wanted.allow_message_ttl)?;
    check.at_least("duplicate_window", &found.duplicate_window, &wanted.duplicate_window)?;
    check.at_least("num_replicas", &found.num_replicas, &wanted.num_replicas)
}

struct Check<'a> {
    stream: &'a str,
}

impl Check<'_> {
    fn same<T: PartialEq + Debug>(
        &self,
        setting: &'static str,
        found: &T,
        needed: &T,
    ) -> Result<(), NatsOpenError> {
        if found == needed {
            return Ok(());
        }
        Err(self.misconfigured(setting, found, format!("{needed:?}")))
    }

    fn at_least<T: Ord + Debug>(
        &self,
        setting: &'static str,
        found: &T,
        needed: &T,
    ) -> Result<(), NatsOpenError> {
        if found >= needed {
            return Ok(());
        }
        Err(self.misconfigured(setting, found, format!("{needed:?} or more")))
    }

    fn misconfigured(&self, setting: &'static str, found: &impl Debug, needed: String) -> NatsOpenError {
        let (stream, found) = (self.stream.to_owned(), format!("{found:?}"));
        NatsOpenError::Misconfigured { stream, setting, found, needed }
    }
}

#[cfg(test)]
mod tests {
    use super::{Login, addresses, version};

    #[test]
    fn the_first_login_is_taken_out_of_the_addresses() {
        let user = |user: &str, password: &str| Some(Login::User(user.to_owned(), password.to_owned()));
        for (url, expected) in [
            ("nats://a:1, b", None),
            ("a,tls://x%20y:%40z@b:1,u:v@c", user("x y", "@z")),
            ("nats://:z@a", user("", "z")),
            ("t%25@a", Some(Login::Token("t%".to_owned()))),
        ] {
            let (addresses, login) = addresses(url).unwrap();
            assert_eq!(login, expected, "{url}");
            assert!(addresses.iter().all(|address| !address.as_url_str().contains('@')), "{url}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(version("2.12.1"), Some((2, 12, 1)));
        assert_eq!(version("2.15.0-RC.1"), Some((2, 15, 0)));
        assert!(version("2.9.10") < version("2.12.1"));
        for strange in ["", "2.12", "two", "2.12.x"] {
            assert_eq!(version(strange), None, "{strange:?}");
        }
    }
}
