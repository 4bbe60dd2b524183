//! How a store is opened, and why it cannot be.

use super::names::{self, MAX_NAMESPACE};
use crate::store::BoxError;
use async_nats::ConnectOptions;
use std::time::Duration;

/// How to open a [`NatsStore`](super::NatsStore).
///
/// ```
/// use es_core::store::NatsOptions;
/// use std::time::Duration;
///
/// let options = NatsOptions::new().namespace("bank").replicas(3).deadline(Duration::from_secs(5));
/// # let _ = options;
/// ```
///
/// A user and a password, or a token alone, may stand in the URL, with a `%` and two digits for what a URL cannot
/// have there. The first that stands in one of several addresses is for all of them, and goes before a user, a
/// password or a token that is said otherwise. Whatever else there is to say about the connection - a file with
/// credentials, certificates - is said in the client's own words:
///
/// ```no_run
/// use es_core::store::{NatsConnect, NatsOptions, NatsStore};
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// let connect = NatsConnect::new().credentials_file("bank.creds").await?.require_tls(true);
/// let store = NatsStore::connect_with("nats://a,nats://b,nats://c", NatsOptions::new().connect(connect)).await?;
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NatsOptions {
    pub(super) namespace: String,
    pub(super) replicas: Option<usize>,
    pub(super) deadline: Duration,
    pub(super) connect: ConnectOptions,
}

impl NatsOptions {
    /// The namespace `es`; three replicas in a cluster, and one without; ten seconds for an answer.
    pub fn new() -> Self {
        Self {
            namespace: "es".into(),
            replicas: None,
            deadline: Duration::from_secs(10),
            connect: ConnectOptions::new(),
        }
    }

    /// Another namespace than `es`: each is a log of its own. Letters, digits and `_`, at most 64 of them.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }

    /// How many servers keep the log. A log that is there with fewer is refused, one with more is fine.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = Some(replicas.max(1));
        self
    }

    /// How long an append or a read goes on trying while servers do not answer, or choose a new leader. What may
    /// read all there is - a search by an event's id, a list of documents - has as long for each part of it.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How the connection is made.
    #[must_use]
    pub fn connect(mut self, connect: ConnectOptions) -> Self {
        self.connect = connect;
        self
    }

    pub(super) fn check(&self) -> Result<(), NatsOpenError> {
        if names::is_namespace(&self.namespace) {
            return Ok(());
        }
        Err(NatsOpenError::InvalidNamespace)
    }
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Why servers cannot be used as a store. None of it shows an address or a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsOpenError {
    /// The namespace is empty, too long, or has other characters than letters, digits and `_`.
    #[error("a namespace is 1 to {MAX_NAMESPACE} letters, digits and `_`")]
    InvalidNamespace,
    /// The servers do not answer, or do not take the connection. One does not answer, either, what a user is not
    /// permitted to ask: see [`NatsStore`](super::NatsStore) for what that is.
    #[error("the servers are unavailable")]
    Unavailable(#[source] BoxError),
    /// The servers do not know the user, the password, the token or the credentials; or they want some and have none.
    #[error("the servers refuse the login")]
    LoginRefused,
    /// The server is one on which a commit of several events cannot be whole.
    #[error("the server is nats-server {found}, needed is {needed} or later")]
    TooOld {
        /// Its version.
        found: String,
        /// The first that will do.
        needed: &'static str,
    },
    /// The server, or this account, has no JetStream.
    #[error(
        "JetStream is off: the server needs `--jetstream`, and so does the account, where there are several"
    )]
    NoJetStream,
    /// There are not as many servers as the log shall have replicas, which are three in a cluster unless
    /// [said otherwise](NatsOptions::replicas).
    #[error("stream {stream} cannot have {replicas} replicas: there are too few servers")]
    TooFewServers {
        /// The JetStream stream.
        stream: String,
        /// How many there shall be.
        replicas: usize,
    },
    /// A stream is there, but set up so that it could lose or change what it holds.
    #[error("stream {stream} has {setting} = {found}, needed is {needed}")]
    Misconfigured {
        /// The JetStream stream.
        stream: String,
        /// The setting, as it is called in the configuration.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        needed: String,
    },
    /// The server does not make a stream.
    #[error("stream {stream} cannot be made")]
    Refused {
        /// The JetStream stream.
        stream: String,
        /// What the server says.
        #[source]
        cause: BoxError,
    },
}
