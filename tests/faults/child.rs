//! The process that things happen to.

use bytes::Bytes;
use es_core::store::{
    Advance, AdvanceError, Append, AppendError, Appended, Checkpoint, Commit, DocumentWrite, Durability,
    EventStore, Expected, LEASE, Lease, NewEvent, RowStore, RowWork, SqliteOptions, SqliteStore, SqliteTx,
    plain_work,
};
use es_core::{Position, StreamId};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use uuid::Uuid;

pub const WRITE_SOME: &str = "write-some";
/// A reader keeps the log's index alive while the writer opens the file anew.
pub const WRITE_SOME_BESIDE_A_READER: &str = "write-some-beside-a-reader";
/// So much that the log is moved into the file on the way, and begun anew.
pub const WRITE_MUCH: &str = "write-much";
/// Two processors take turns: one counts in a row, the other in a document.
pub const COUNT: &str = "count";
pub const COUNTED: u32 = 20;
/// Set for a child whose commits may go with the power.
pub const RELAXED: &str = "ES_FAULTS_RELAXED";

/// How often an event says its key, if there is much to write: some 45 KiB.
const MUCH: usize = 5_000;

/// Starts a child that plays `role` on `file`; it reports on its standard error, a line for each answer.
pub fn start(role: &str, file: &Path, environment: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::serve", "--ignored", "--nocapture"])
        .env("ES_FAULTS_ROLE", role)
        .env("ES_FAULTS_FILE", file)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "it is what the other tests start"]
fn serve() {
    let Ok(role) = std::env::var("ES_FAULTS_ROLE") else { return };
    let file = std::env::var("ES_FAULTS_FILE").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let is_relaxed = std::env::var_os(RELAXED).is_some();
        let durability = if is_relaxed { Durability::Relaxed } else { Durability::Full };
        let options = SqliteOptions::new().durability(durability);
        let store = SqliteStore::open_with(&file, options).await.unwrap();
        match role.split_once(' ') {
            Some(("write", round)) => write(&store, round, u64::MAX, 1).await,
            Some(("fill", flag)) => fill(&store, Path::new(flag)).await,
            _ if role == COUNT => count(&store).await,
            _ if role == WRITE_SOME => write(&store, "some", 20, 1).await,
            _ if role == WRITE_MUCH => write(&store, "much", 20, MUCH).await,
            _ if role == WRITE_SOME_BESIDE_A_READER => {
                store.head().await.unwrap();
                write(&store, "some", 20, 1).await;
            }
            _ => panic!("there is no role {role:?}"),
        }
        store.close().await;
    });
}

/// Eight writers, each with so many commits, whose events say their key so often.
async fn write(store: &SqliteStore, run: &str, commits: u64, often: usize) {
    let writers = (0..8).map(|writer| {
        let (store, run) = (store.clone(), run.to_owned());
        tokio::spawn(async move {
            for n in 0..commits {
                let key = format!("{run}.{writer}.{n}");
                let said = vec![key.as_str(); often].join(" ");
                let commit = three_events(&format!("{run}.{writer}"), n, &said);
                report(&key, &settled(&store, commit).await);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Sends a commit again until it is stored. If it was never unknown whether it is, it was not stored before.
async fn settled(store: &SqliteStore, commit: Commit) -> Result<Appended, AppendError> {
    let mut answer = store.append(commit.clone()).await;
    let mut was_unknown = false;
    for _ in 0..100 {
        match answer {
            Err(AppendError::Ambiguous { .. }) => {
                say("unknown\n");
                was_unknown = true;
            }
            Err(AppendError::Unavailable { .. }) => say("not stored\n"),
            _ => break,
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        answer = store.append(commit.clone()).await;
    }
    answer.map(|appended| Appended { duplicate: appended.duplicate && !was_unknown, ..appended })
}

/// Appends before, while and after the disk is full, which it is as long as there is a file `flag`.
async fn fill(store: &SqliteStore, flag: &Path) {
    report("before", &store.append(three_events("before", 0, "before")).await);
    std::fs::write(flag, "").unwrap();
    let refused = three_events("refused", 0, "refused");
    for _ in 0..3 {
        report("refused", &store.append(refused.clone()).await);
    }
    assert_eq!(store.head().await.unwrap().0, 3, "reads go on");
    std::fs::remove_file(flag).unwrap();
    report("refused", &store.append(refused).await);
    report("after", &store.append(three_events("after", 0, "after")).await);
}

async fn count(store: &SqliteStore) {
    let (rows, documents) = (lease(store, "rows").await, lease(store, "documents").await);
    let make = "CREATE TABLE IF NOT EXISTS counted (n INTEGER NOT NULL); DELETE FROM counted;
                INSERT INTO counted VALUES (0)";
    until_answered(|| store.advance_with(Advance::under(&rows), "1".into(), work(make))).await;
    for n in 1..=COUNTED {
        let to = Some(Checkpoint { position: Position(n.into()), event: None });
        let advance = Advance { to, ..Advance::under(&rows) };
        let add = "UPDATE counted SET n = n + 1";
        until_answered(|| store.advance_with(advance.clone(), "1".into(), work(add))).await;
        let write = DocumentWrite {
            collection: "documents".into(),
            key: "counted".into(),
            revision: Some((n - 1).into()),
            position: Position(n.into()),
            body: Some(Bytes::from(n.to_string())),
        };
        let advance = Advance { to, writes: vec![write], ..Advance::under(&documents) };
        until_answered(|| store.advance(advance.clone())).await;
    }
}

async fn lease(store: &SqliteStore, processor: &str) -> Lease {
    loop {
        let registered = store.register(processor, Checkpoint::default()).await;
        if registered.is_ok()
            && let Ok(Some(lease)) = store.acquire(processor, Uuid::nil(), LEASE).await
        {
            return lease;
        }
        say("unavailable\n");
    }
}

fn work(sql: &'static str) -> RowWork<SqliteTx> {
    plain_work(move |tx: &SqliteTx| Ok(tx.execute_batch(sql)?))
}

/// Sends an advance until the store has an answer, which must be that it is written.
async fn until_answered<F: Future<Output = Result<(), AdvanceError>>>(advance: impl Fn() -> F) {
    loop {
        match advance().await {
            Err(AdvanceError::Unavailable(_)) => say("unavailable\n"),
            answer => return answer.unwrap(),
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The `n`-th commit of a writer: two events on one stream and one on another, all with `said` as payload. It
/// is the same commit wherever it is made.
pub fn three_events(writer: &str, n: u64, said: &str) -> Commit {
    let event = |part: u64| NewEvent {
        id: Uuid::from_u64_pair(hash(writer), hash(&(n, part))),
        name: "Written".into(),
        schema: 1,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        payload: Bytes::from(said.to_owned()),
        metadata: Bytes::new(),
    };
    let part = |name: &str, version, events| Append {
        stream: StreamId::of(name, &writer.to_owned()),
        expected: Expected::Exact(version),
        edits: None,
        events,
    };
    let parts = vec![part("two", 2 * n, vec![event(0), event(1)]), part("one", n, vec![event(2)])];
    Commit::all(parts)
}

fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn report(key: &str, answer: &Result<Appended, AppendError>) {
    say(&match answer {
        Ok(appended) if appended.duplicate => format!("duplicate {key}\n"),
        Ok(_) => format!("stored {key}\n"),
        Err(AppendError::Unavailable { .. }) => format!("unavailable {key}\n"),
        Err(error) => format!("failed {key}: {error:?}\n"),
    });
}

/// Writes a line in one piece, so that lines of several threads do not mix.
fn say(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
