//! How a store is opened, and why it cannot be.

use crate::store::{BoxError, Durability};
use std::fmt;

/// The most bytes in the name of a schema or a role. PostgreSQL cuts longer ones off.
const MAX_NAME_BYTES: usize = 63;

/// How a [`PgStore`](super::PgStore) is opened.
///
/// ```
/// use es_core::store::PgOptions;
///
/// let options = PgOptions::new().schema("billing").connections(4);
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct PgOptions {
    pub(super) schema: String,
    pub(super) connections: u32,
    pub(super) listen: Option<String>,
    pub(super) is_pooled: bool,
    pub(super) app_role: Option<String>,
    pub(super) durability: Durability,
}

impl PgOptions {
    /// The schema `es`, eight connections that read, full durability.
    pub fn new() -> Self {
        Self {
            schema: "es".into(),
            connections: 8,
            listen: None,
            is_pooled: false,
            app_role: None,
            durability: Durability::Full,
        }
    }

    /// Another schema than `es`: each is a log of its own.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// The most connections that read, and write what is not a commit; at least 1. One more appends, and one
    /// listens. As many again are used by projections that keep rows, and as many by those who read these rows.
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.clamp(1, 1_000);
        self
    }

    /// The way to the server itself, for `LISTEN`, where the store's own URL leads through a
    /// [pooler](Self::pooled).
    #[must_use]
    pub fn listen(mut self, url: impl Into<String>) -> Self {
        self.listen = Some(url.into());
        self
    }

    /// The URL leads to a pooler that gives a connection for one transaction only, such as `PgBouncer` with
    /// `pool_mode = transaction`. Nothing is kept in a connection then: no prepared statements, no settings.
    /// What takes one round trip else takes four. Other processes' commits are seen by looking, unless there
    /// is a way to [listen](Self::listen).
    ///
    /// A pooler that keeps prepared statements itself, as `PgBouncer` can since 1.21, still gives no settings.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        self.is_pooled = true;
        self
    }

    /// The role that the app connects as, if that is not the one that [migrates](super::PgStore::migrate):
    /// it is given what it needs, and cannot change what is in the log.
    ///
    /// It may be a group, whose members the app connects as. Projections that keep rows do their work in its name then,
    /// by its rights and not by those of the member, so that each goes on with the tables that another one has made.
    #[must_use]
    pub fn app_role(mut self, name: impl Into<String>) -> Self {
        self.app_role = Some(name.into());
        self
    }

    /// How much of a power loss a commit survives.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Makes sure that the names can be names.
    pub(super) fn check(&self) -> Result<(), PgOpenError> {
        let is_name = |name: &str| (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains('\0');
        if !is_name(&self.schema) || self.schema.starts_with("pg_") {
            return Err(PgOpenError::InvalidName { what: "schema" });
        }
        match &self.app_role {
            Some(role) if !is_name(role) => Err(PgOpenError::InvalidName { what: "role" }),
            _ => Ok(()),
        }
    }
}

impl Default for PgOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Without the URL, which may have a password in it.
impl fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions")
            .field("schema", &self.schema)
            .field("connections", &self.connections)
            .field("listen", &self.listen.is_some())
            .field("pooled", &self.is_pooled)
            .field("app_role", &self.app_role)
            .field("durability", &self.durability)
            .finish()
    }
}

/// Why a database cannot be used as a store. None of it shows the URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PgOpenError {
    /// The URL is none, or not one of PostgreSQL.
    #[error("the URL is not one of PostgreSQL: `postgres://user:password@host:port/database`")]
    InvalidUrl,
    /// The server does not know the user of the URL, or not by this password, or takes nobody from here.
    #[error(
        "the server does not let in: is the user in the URL right, the password, the server's `pg_hba.conf`?"
    )]
    NotLetIn(#[source] BoxError),
    /// There is no such database on the server. [`migrate`](super::PgStore::migrate) makes a schema in one that is
    /// there.
    #[error(
        "there is no such database: make it with `CREATE DATABASE`, or name another one at the end of the URL"
    )]
    NoDatabase(#[source] BoxError),
    /// A name that PostgreSQL does not take: empty, longer than 63 bytes, with a NUL, or its own.
    #[error("the name of the {what} is not one that PostgreSQL takes: 1 to 63 bytes, no NUL, not `pg_..`")]
    InvalidName {
        /// What is called so.
        what: &'static str,
    },
    /// There is no store in the schema.
    #[error("there is no store in schema {schema}: run `PgStore::migrate`")]
    NotMigrated {
        /// The schema.
        schema: String,
    },
    /// The store was brought up by a newer version of this crate. It was left as it is.
    #[error("the store has schema version {found}, this es-core knows {known}: use a newer one")]
    Newer {
        /// The store's version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The store is one of an older version of this crate.
    #[error("the store has schema version {found}, {known} is needed: run `PgStore::migrate`")]
    Older {
        /// The store's version.
        found: i64,
        /// The version that is needed.
        known: i64,
    },
    /// The server is older than what the store is made of. This is looked at when it is made, and when it is opened.
    #[error("the server is PostgreSQL {found}, {needed} is needed at least")]
    OldServer {
        /// The server's major version.
        found: u32,
        /// The oldest that is enough.
        needed: u32,
    },
    /// The server only reads, so that nothing can be made or brought up there. A store that is there can be
    /// [opened](super::PgStore#replicas).
    #[error("the server only reads, as a standby does: run `PgStore::migrate` by the URL of its primary")]
    ReadOnly,
    /// The role may not use the store, or not make it. One that is to use it is named in
    /// [`PgOptions::app_role`] when the owner migrates.
    #[error("the role has no right to do this: migrate as the owner, with it as `PgOptions::app_role`")]
    Forbidden,
    /// The server grants one advisory lock to two at once, so that commits would not be in order. Some
    /// databases that speak PostgreSQL's language do.
    #[error("the server's advisory locks do not lock: use PostgreSQL itself, or a database whose locks do")]
    NoLock,
    /// It does not answer, or not as it must.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
}
