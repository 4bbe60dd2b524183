//! A PostgreSQL of a test's own, which it may kill, copy and set back.

use super::process::{Process, folder, free_port, is_root, run, until};
use super::variable;
use sqlx::{Connection, PgConnection};
use std::fs::File;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A cluster of its own, on a port of its own. It writes through to the disk.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    /// The file with the offset of its clock, if that can be set.
    clock: Option<PathBuf>,
    process: Option<Process>,
}

/// How a server is told to stop.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Connections are ended and everything is written.
    Fast,
    /// Everything ends at once, as if it had crashed.
    Immediate,
}

impl Postgres {
    /// A new cluster with these settings, as in `max_connections=20`.
    pub async fn start(settings: &[&str]) -> Self {
        Self::of(template(), folder(), settings, None).await
    }

    /// A new cluster whose clock differs by what stands in this file, as in `-1h`.
    pub async fn start_by(clock: &Path) -> Self {
        Self::of(template(), folder(), &[], Some(clock.into())).await
    }

    /// A new cluster whose files are in this folder.
    pub async fn start_in(folder: TempDir, settings: &[&str]) -> Self {
        Self::of(template(), folder, settings, None).await
    }

    async fn of(data: &Path, folder: TempDir, settings: &[&str], clock: Option<PathBuf>) -> Self {
        give(folder.path());
        copy(data, &folder.path().join("data"));
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { folder, port: free_port(), settings, clock, process: None };
        server.begin().await;
        server
    }

    /// Starts it again, and waits until it answers.
    pub async fn begin(&mut self) {
        // What is left of a killed server may take a moment to go, and until then no other one can be there.
        until("it starts", async || {
            self.process = Some(self.spawn());
            self.answers_or_ends().await
        })
        .await;
    }

    /// Starts it again if it has ended by itself.
    pub async fn revive(&mut self) {
        if !self.answers_or_ends().await {
            self.begin().await;
        }
    }

    fn spawn(&self) -> Process {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = program("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400"] {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        if let Some(clock) = &self.clock {
            give(clock.parent().expect("it is in a folder"));
            command
                .env("LD_PRELOAD", variable("ES_FAKETIME"))
                .env("FAKETIME_TIMESTAMP_FILE", clock)
                .envs([("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
        }
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Process::start(command, self.folder.path())
    }

    async fn answers_or_ends(&mut self) -> bool {
        let url = self.url();
        let mut answers = false;
        until("it answers, or ends", async || {
            answers = PgConnection::connect(&url).await.is_ok();
            answers || self.process.as_mut().is_none_or(Process::has_ended)
        })
        .await;
        answers
    }

    /// Where it is, as its superuser.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same by another port, of a proxy.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://es@127.0.0.1:{port}/postgres")
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection as its superuser.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    /// Kills it, as the system would.
    pub async fn kill9(&mut self) {
        let process = self.process.take().unwrap();
        process.signal("KILL");
        process.ended().await;
    }

    /// Stops it.
    pub async fn stop(&mut self, how: Stop) {
        let process = self.process.take().unwrap();
        process.signal(match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        });
        process.ended().await;
    }

    /// A copy of what it has, which is stopped for it.
    pub async fn save(&mut self) -> TempDir {
        self.stop(Stop::Fast).await;
        let saved = folder();
        copy(&self.data(), &saved.path().join("data"));
        self.begin().await;
        saved
    }

    /// Puts what was saved in the place of what it has.
    pub async fn go_back_to(&mut self, saved: &TempDir) {
        self.stop(Stop::Fast).await;
        std::fs::remove_dir_all(self.data()).unwrap();
        copy(&saved.path().join("data"), &self.data());
        self.begin().await;
    }

    /// A replica that follows it.
    pub async fn replica(&self) -> Self {
        let backup = folder();
        give(backup.path());
        let data = backup.path().join("data");
        let mut command = program("pg_basebackup");
        command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname", &self.url()]);
        run(command.arg("--pgdata").arg(&data));
        Self::of(&data, folder(), &[], None).await
    }

    /// Brings everything into another cluster, as a backup would that is restored there.
    pub fn dump_into(&self, other: &Self) {
        let dump = self.folder.path().join("dump");
        run(program("pg_dump").args(["--format=custom", "--dbname", &self.url(), "--file"]).arg(&dump));
        let restore = ["--exit-on-error", "--single-transaction", "--dbname", &other.url()];
        run(program("pg_restore").args(restore).arg(&dump));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It ends its own processes, so that nothing writes to the folder any more when that goes.
        if let Some(process) = self.process.take() {
            process.end("QUIT");
        }
    }
}

/// A program of PostgreSQL.
fn program(name: &str) -> Command {
    owned(Command::new(Path::new(&variable("ES_POSTGRES_BIN")).join(name)))
}

/// A command as somebody whom PostgreSQL lets run it, which root is not.
pub(super) fn owned(mut command: Command) -> Command {
    command.current_dir("/").stdin(Stdio::null());
    if is_root() {
        let (user, group) = owner();
        command.uid(user).gid(group);
    }
    command
}

/// The user `postgres`.
fn owner() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let user = users.lines().find_map(|line| line.strip_prefix("postgres:")).expect("postgres is a user");
    let [_, user, group] = user.splitn(4, ':').take(3).collect::<Vec<_>>()[..] else { panic!("{user}") };
    (user.parse().unwrap(), group.parse().unwrap())
}

/// Gives a folder to whoever runs the server.
pub(super) fn give(folder: &Path) {
    if is_root() {
        let (user, group) = owner();
        chown(folder, Some(user), Some(group)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// The files of an empty cluster, made once for all tests that ever run here.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let version = run(program("postgres").arg("--version"));
        let number: String = version.chars().filter(|char| char.is_ascii_digit() || *char == '.').collect();
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers");
        let place = home.join(format!("postgres-{number}"));
        if !place.exists() {
            let new = folder();
            give(new.path());
            let data = new.path().join("data");
            let options = ["--username=es", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"];
            run(program("initdb").args(options).args(["--wal-segsize=4", "-D"]).arg(&data));
            std::fs::create_dir_all(&home).unwrap();
            let beside = home.join(format!("postgres-{number}.{}", std::process::id()));
            copy(&data, &beside);
            // Another process may have been faster.
            if std::fs::rename(&beside, &place).is_err() {
                std::fs::remove_dir_all(&beside).unwrap();
            }
        }
        place
    })
}
