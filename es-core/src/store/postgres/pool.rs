//! Connections that are kept for the next one who asks something, and how long an answer is waited for.
//!
//! A connection goes back when it was answered to the end, and only then. One that somebody stops waiting for, or that
//! does not answer in time, is thrown away: what is still on its way by it would be taken for the answer to something
//! else, and a transaction that was begun would take in what the next one does.

use super::PgError;
use super::failure::{self, NotConnected};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How long whoever connects, or asks something, hears nothing before it is given up. The time that it takes to get a
/// connection is part of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection is kept that nobody uses. What lies between here and the server may forget it after that.
const UNUSED: Duration = Duration::from_mins(2);

/// How long a connection is kept at all: what the server remembers for it only grows.
const OLD: Duration = Duration::from_mins(30);

/// Until when something is waited for that is asked now.
pub(super) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// An answer that is there in time.
pub(super) async fn within<T, E: From<PgError>>(
    until: Instant,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answered = timeout_at(until, answer).await;
    answered.unwrap_or_else(|_| Err(timed_out().into()))
}

/// What is said where nothing was heard in time.
pub(super) fn timed_out() -> PgError {
    PgError::Io(std::io::ErrorKind::TimedOut.into())
}

/// The answer to what is asked now.
pub(super) async fn answered<T, E: From<PgError>>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    within(deadline(), answer).await
}

/// A new connection. What it takes to make one is large, and mostly there is one.
pub(super) async fn connect(way: &PgConnectOptions, until: Instant) -> Result<PgConnection, PgError> {
    within(until, Box::pin(way.connect())).await
}

/// So many connections at most. Clones are the same.
#[derive(Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    way: PgConnectOptions,
    size: u32,
    /// A place for each connection that somebody has.
    places: Arc<Semaphore>,
    /// Those that nobody has; the last one was used last.
    idle: Mutex<Vec<Kept>>,
    reset: Reset,
    is_closed: AtomicBool,
}

/// What makes a connection as it was when it was new, for whoever has it next.
pub(super) enum Reset {
    /// Nothing is left behind in it.
    Nothing,
    /// This, when it comes back.
    Behind(&'static str),
    /// This, in each transaction, since it is another one each time.
    InFront(&'static str),
}

struct Kept {
    connection: PgConnection,
    /// Whether the driver takes it to be in a transaction: see [`Lent::begin`].
    has_begun: bool,
    made: Instant,
    used: Instant,
}

impl Pool {
    pub fn new(way: PgConnectOptions, size: u32, reset: Reset) -> Self {
        let shared = Shared {
            way,
            size,
            places: Arc::new(Semaphore::new(size as usize)),
            idle: Mutex::default(),
            reset,
            is_closed: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A connection, which may have been lost since it was used last.
    pub async fn lend(&self, until: Instant) -> Result<Lent, NotConnected> {
        self.lent(until).await.map_err(NotConnected)
    }

    async fn lent(&self, until: Instant) -> Result<Lent, PgError> {
        let shared = &self.shared;
        shared.require_open()?;
        let place = timeout_at(until, Arc::clone(&shared.places).acquire_owned()).await;
        let place = place.map_err(|_| PgError::PoolTimedOut)?.map_err(|_| PgError::PoolClosed)?;
        shared.require_open()?;
        let found = shared.unused().pop();
        let kept = match found {
            Some(kept) => kept,
            None => Kept::new(connect(&shared.way, until).await?),
        };
        Ok(Lent { kept, pool: Arc::clone(shared), place })
    }

    /// Takes note of an error. Where a connection is lost, those that nobody uses mostly are, too.
    pub fn note(&self, error: &PgError) {
        if failure::is_lost(error) {
            self.shared.idle().clear();
        }
    }

    /// Waits for all to come back, and closes them. Nobody gets one any more.
    pub async fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        // An error means that somebody else has closed it.
        if self.shared.places.acquire_many(self.shared.size).await.is_ok() {
            self.shared.places.close();
        }
        let idle = std::mem::take(&mut *self.shared.idle());
        for kept in idle {
            let _ = answered(kept.connection.close()).await;
        }
    }
}

impl Shared {
    fn require_open(&self) -> Result<(), PgError> {
        if self.is_closed.load(Ordering::Acquire) { Err(PgError::PoolClosed) } else { Ok(()) }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The idle ones that can be used.
    fn unused(&self) -> MutexGuard<'_, Vec<Kept>> {
        let (mut idle, now) = (self.idle(), Instant::now());
        idle.retain(|kept| now - kept.used < UNUSED);
        idle
    }
}

impl Kept {
    fn new(connection: PgConnection) -> Self {
        let now = Instant::now();
        Self { connection, has_begun: false, made: now, used: now }
    }
}

/// A connection of a pool. It is thrown away, unless it is given back.
pub(super) struct Lent {
    kept: Kept,
    pool: Arc<Shared>,
    place: OwnedSemaphorePermit,
}

impl Lent {
    /// Begins a transaction, whose end is a statement like any other. From the first time on, the driver takes the
    /// connection to be in a transaction for good, so that what is begun inside of one is a savepoint. Its own
    /// transactions borrow their connection, and cannot be handed on.
    pub async fn begin(&mut self, statement: &'static str) -> Result<(), PgError> {
        let Kept { connection, has_begun, .. } = &mut self.kept;
        if *has_begun {
            connection.execute(statement).await?;
        } else {
            std::mem::forget(connection.begin_with(statement).await?);
            *has_begun = true;
        }
        if let Reset::InFront(reset) = self.pool.reset {
            connection.execute(reset).await?;
        }
        Ok(())
    }

    /// Gives it to the next one. It was answered to the end, and is in no transaction.
    pub fn give_back(mut self) {
        if self.kept.made.elapsed() > OLD {
            return;
        }
        let Reset::Behind(reset) = self.pool.reset else { return self.keep() };
        tokio::spawn(async move {
            if answered(self.kept.connection.execute(reset)).await.is_ok() {
                self.keep();
            }
        });
    }

    fn keep(self) {
        let Self { mut kept, pool, place } = self;
        kept.used = Instant::now();
        pool.unused().push(kept);
        drop(place);
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.kept.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.kept.connection
    }
}
