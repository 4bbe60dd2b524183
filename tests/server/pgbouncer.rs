//! A `PgBouncer` in front of a PostgreSQL of a test's own.

use super::postgres::{Postgres, give, owned};
use super::process::{Process, folder, free_port, until};
use super::variable;
use sqlx::{Connection, PgConnection};
use std::fs::File;
use std::process::Command;
use tempfile::TempDir;

/// A pooler that gives a connection for one transaction only, out of very few.
pub struct Pgbouncer {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Pgbouncer {
    /// One in front of this server.
    pub async fn start(server: &Postgres) -> Self {
        let (folder, port) = (folder(), free_port());
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=es\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 3\nignore_startup_parameters = extra_float_digits\n",
            server.port()
        );
        std::fs::write(&file, text).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        give(folder.path());
        let mut command = owned(Command::new(variable("ES_PGBOUNCER")));
        command.arg(&file).stdout(log.try_clone().unwrap()).stderr(log);
        let pooler = Self { port, _process: Process::start(command, folder.path()), _folder: folder };
        until("it answers", async || match PgConnection::connect(&pooler.url()).await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        })
        .await;
        pooler
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("postgres://es@127.0.0.1:{}/postgres", self.port)
    }
}
