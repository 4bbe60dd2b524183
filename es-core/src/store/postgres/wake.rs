//! How those who wait hear that the log has grown: from the lane of this process, and, by `LISTEN` or by
//! looking, from those of others.
//!
//! What is heard is a hint: looking goes on beside it, only less often. Nobody looks while nobody waits.

use super::database::Database;
use super::pool::answered;
use super::{PgError, log};
use crate::id::Position;
use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// The shortest and the longest time between two looks; the latter also where others are heard.
const SOON: Duration = Duration::from_millis(25);
const LATE: Duration = Duration::from_millis(250);

/// The shortest time between two announcements.
const BREATH: Duration = Duration::from_millis(5);

/// The longest time between two attempts to listen, or to announce.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long nothing is heard before it is asked whether the connection is still one.
const SILENCE: Duration = Duration::from_secs(30);

/// The end of the log as far as it is known here. Clones are the same.
#[derive(Clone)]
pub(super) struct Wake {
    growth: Arc<Growth>,
    tasks: Arc<Tasks>,
}

struct Growth {
    database: Database,
    end: watch::Sender<u64>,
    /// The end of what this process has appended.
    appended: watch::Sender<u64>,
    is_listening: AtomicBool,
    /// Held while somebody looks, with the time of the last look.
    last_look: Arc<Mutex<Option<Instant>>>,
}

/// What goes on beside, until the last clone is dropped.
struct Tasks(Vec<JoinHandle<()>>);

impl Tasks {
    fn end(&self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.end();
    }
}

impl Wake {
    pub fn start(database: &Database) -> Self {
        let growth = Arc::new(Growth {
            database: database.clone(),
            end: watch::Sender::new(0),
            appended: watch::Sender::new(0),
            is_listening: AtomicBool::new(false),
            last_look: Arc::default(),
        });
        let mut tasks = vec![tokio::spawn(announce(Arc::clone(&growth)))];
        if let Some(way) = database.listening() {
            tasks.push(tokio::spawn(listen(Arc::clone(&growth), way.clone())));
        }
        Self { growth, tasks: Arc::new(Tasks(tasks)) }
    }

    /// Says that a commit of this process took the log up to `end`; other processes are told soon.
    pub fn reached(&self, end: Position) {
        raise(&self.growth.end, end.0);
        raise(&self.growth.appended, end.0);
    }

    /// Waits until the log goes further than `after`, or so long.
    pub async fn wait(&self, after: Position, max: Duration) {
        // The sender is ours, so that this ends by growth or by time only.
        let _ = timeout(max, self.growth.beyond(after)).await;
    }

    pub fn close(&self) {
        self.tasks.end();
    }
}

fn raise(known: &watch::Sender<u64>, end: u64) {
    known.send_if_modified(|known| {
        let is_news = end > *known;
        *known = end.max(*known);
        is_news
    });
}

impl Growth {
    async fn beyond(self: &Arc<Self>, after: Position) {
        let mut end = self.end.subscribe();
        let mut pause = SOON;
        loop {
            let next = if self.is_listening.load(Ordering::Relaxed) { LATE } else { pause };
            if timeout(next, end.wait_for(|end| *end > after.0)).await.is_ok() {
                return;
            }
            self.look(next).await;
            pause = (pause * 2).min(LATE);
        }
    }

    /// Looks how far the log goes, unless somebody is just looking, or has since `pause`. A look that has begun goes on
    /// if nobody waits for it any more: it would cost its connection.
    async fn look(self: &Arc<Self>, pause: Duration) {
        let Ok(last) = Arc::clone(&self.last_look).try_lock_owned() else { return };
        if last.is_none_or(|last| last.elapsed() >= pause) {
            let growth = Arc::clone(self);
            // An error means that the runtime ends.
            let _ = tokio::spawn(async move { growth.look_now(last).await }).await;
        }
    }

    /// Looks, once nobody else does.
    async fn look_when_free(&self) {
        self.look_now(Arc::clone(&self.last_look).lock_owned().await).await;
    }

    async fn look_now(&self, mut last: OwnedMutexGuard<Option<Instant>>) {
        *last = Some(Instant::now());
        // A look that fails is followed by the next one.
        if let Ok(end) = log::head(&self.database).await {
            raise(&self.end, end.0);
        }
    }
}

/// The channel of a schema. Channels have names of 63 bytes at most, as schemas do, and belong to a database.
fn channel(database: &Database) -> String {
    database.schema().to_owned()
}

/// Tells other processes how far this one has taken the log, one message for all of a few milliseconds. It goes by
/// itself: a commit that notifies would hold up the commits of the whole server.
async fn announce(growth: Arc<Growth>) {
    let mut appended = growth.appended.subscribe();
    let mut pause = BREATH;
    while appended.changed().await.is_ok() {
        loop {
            let end = *appended.borrow_and_update();
            let notify = growth
                .database
                .query("SELECT pg_notify($1, $2)")
                .bind(channel(&growth.database))
                .bind(end.to_string());
            let is_told = growth.database.rows_once(notify).await.is_ok();
            pause = if is_told { BREATH } else { (pause * 2).min(PATIENCE) };
            sleep(pause).await;
            if is_told {
                break;
            }
        }
    }
}

/// Hears what other processes say, as long as there is a connection, and makes a new one when it is lost.
async fn listen(growth: Arc<Growth>, way: PgConnectOptions) {
    let mut pause = SOON;
    loop {
        if let Ok(mut listener) = answered(listener(&growth.database, way.clone())).await {
            pause = SOON;
            growth.is_listening.store(true, Ordering::Relaxed);
            // What was said before is seen by looking.
            growth.look_when_free().await;
            hear(&growth, &mut listener).await;
            growth.is_listening.store(false, Ordering::Relaxed);
        }
        sleep(pause).await;
        pause = (pause * 2).min(PATIENCE);
    }
}

/// Hears what is said until the connection is lost. One on which nothing is said for long may be, so it is asked.
async fn hear(growth: &Growth, listener: &mut PgListener) {
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(heard))) => {
                let mut farthest = told(&heard);
                while let Some(heard) = listener.next_buffered() {
                    farthest = farthest.max(told(&heard));
                }
                // Anybody can say anything on a channel, so it is looked at.
                if farthest > *growth.end.borrow() {
                    growth.look_when_free().await;
                }
            }
            Ok(_) => return,
            Err(_) => {
                if answered(listener.execute("SELECT 1")).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A connection of its own, in which there is never a transaction.
async fn listener(database: &Database, way: PgConnectOptions) -> Result<PgListener, PgError> {
    let connection = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(way);
    let mut listener = PgListener::connect_with(&connection).await?;
    listener.eager_reconnect(false);
    listener.listen(&channel(database)).await?;
    Ok(listener)
}

/// How far somebody says that the log goes; where that is not what they say, it may be anywhere.
fn told(heard: &PgNotification) -> u64 {
    heard.payload().parse().unwrap_or(u64::MAX)
}
