//! The engine: takes one follower along the log, under its lease, for as long as the app runs.

use super::keeper::{Held, give_back, keep, take};
use super::race::{First, race};
use super::station::{FollowerState, Station};
use super::{Follower, Halt};
use crate::app::App;
use crate::id::Position;
use crate::retry::RetryPolicy;
use crate::store::{Checkpoint, Filter, LEASE, Lease};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// The longest pause between two looks at the log: wake-ups are hints, and timers go by the app's clock.
const POLL: Duration = Duration::from_millis(250);

/// The first pause behind a hint that came early and was wrong, and the longest: it doubles with each that follows.
const CALM: Duration = Duration::from_millis(10);
const CALMEST: Duration = Duration::from_millis(125);

/// How long the store is left alone when it does not answer.
const OUTAGE: RetryPolicy = RetryPolicy::DEFAULT.backoff(Duration::from_millis(100), Duration::from_secs(10));

/// Runs a follower until it is told to stop, or has stopped.
pub(super) async fn run(
    app: App,
    follower: Arc<dyn Follower>,
    station: Arc<Station>,
    mut stop: watch::Receiver<bool>,
) {
    let mut outages = 0;
    while !*stop.borrow() {
        let halt = match take(&app, &*follower).await {
            Ok(None) => match follower.still_there().await {
                Ok(()) => {
                    station.say(FollowerState::Waiting);
                    rest(&mut stop, LEASE / 10).await;
                    continue;
                }
                Err(halt) => Some(halt),
            },
            Ok(Some(held)) => hold(&app, &*follower, held, &station, &mut stop, &mut outages).await,
            Err(halt) => Some(halt),
        };
        let name = follower.name();
        match halt {
            None => return,
            Some(Halt::Fenced) => station.say(FollowerState::Waiting),
            Some(Halt::Unavailable(error)) => {
                outages = outages.saturating_add(1);
                say_unavailable(name, &*error, outages);
                station.say(FollowerState::Unavailable(error.to_string()));
                rest(&mut stop, OUTAGE.pause(outages)).await;
            }
            Some(Halt::Newer(error)) => {
                tracing::warn!(name, %error, "an event is newer than this code: the lease is given back");
                station.say(FollowerState::Newer(error.to_string()));
                rest(&mut stop, LEASE / 2).await;
            }
            Some(Halt::Stopped(reason)) => {
                tracing::warn!(name, reason, "stopped");
                return station.say(FollowerState::Stopped(reason));
            }
            Some(Halt::Done) => return station.say(FollowerState::Done),
        }
    }
}

/// The first time may be no more than a race that was lost.
fn say_unavailable(name: &str, error: &(dyn std::error::Error + 'static), outages: u32) {
    if outages > 1 {
        tracing::warn!(name, error, outages, "the store does not answer");
    } else {
        tracing::debug!(name, error, "the store does not answer");
    }
}

/// Sleeps, unless it is time to stop.
async fn rest(stop: &mut watch::Receiver<bool>, pause: Duration) {
    race(sleep(pause), stop.wait_for(|stop| *stop)).await;
}

/// Works for as long as the lease is held; `None` if it was told to stop.
async fn hold(
    app: &App,
    follower: &dyn Follower,
    held: Held,
    station: &Station,
    stop: &mut watch::Receiver<bool>,
    outages: &mut u32,
) -> Option<Halt> {
    let mut lease = held.lease.clone();
    let work = work(app, follower, &mut lease, station, stop, outages);
    let halt = match race(work, keep(app, &held)).await {
        First::One(Ok(())) => None,
        First::One(Err(halt)) => Some(halt),
        First::Other(()) => Some(Halt::Fenced),
    };
    // Who is fenced has nothing to give back, and from a store that does not answer it is taken again.
    if !matches!(halt, Some(Halt::Fenced | Halt::Unavailable(_))) {
        give_back(app, &held.lease).await;
    }
    halt
}

async fn work(
    app: &App,
    follower: &dyn Follower,
    lease: &mut Lease,
    station: &Station,
    stop: &mut watch::Receiver<bool>,
    outages: &mut u32,
) -> Result<(), Halt> {
    known_log(app, lease.checkpoint).await?;
    let mut calm = Duration::ZERO;
    while !*stop.borrow() {
        let next = step(app, follower, lease, Some(station)).await?;
        *outages = 0;
        let Step::Rests(next) = next else {
            calm = Duration::ZERO;
            continue;
        };
        let due = next.map_or(POLL, |next| until(app, next).min(POLL));
        let hint = hinted(app, lease.checkpoint.position, calm, due);
        let news = race(stop.wait_for(|stop| *stop), race(hint, station.question())).await;
        calm = match news {
            First::Other(First::One(true)) => (calm * 2).clamp(CALM, CALMEST),
            _ => Duration::ZERO,
        };
    }
    Ok(())
}

/// Waits for the store's hint, behind a pause; whether it came before the time was up, which the store may miss.
async fn hinted(app: &App, after: Position, pause: Duration, longest: Duration) -> bool {
    let began = Instant::now();
    let hint = async {
        sleep(pause).await;
        app.store().wait(after, longest).await;
    };
    timeout(longest, hint).await.is_ok() && began.elapsed() < longest
}

/// How long it is until a time by the app's clock.
pub(super) fn until(app: &App, time: Timestamp) -> Duration {
    time.duration_since(app.now()).try_into().unwrap_or(Duration::ZERO)
}

/// What a step has led to.
pub(super) enum Step {
    /// There was something behind the checkpoint.
    Went,
    /// It is at the head of the log, and there may be something to do at this time.
    Rests(Option<Timestamp>),
}

/// Takes a follower one page further, or lets it do what is due at the head.
pub(super) async fn step(
    app: &App,
    follower: &dyn Follower,
    lease: &mut Lease,
    station: Option<&Station>,
) -> Result<Step, Halt> {
    let from = lease.checkpoint.position;
    let asked = station.map_or(0, Station::asked);
    let page = app.store().read_log(from, follower.filter(), follower.page()).await?;
    if page.head < from {
        return Err(diverged(from));
    }
    if let Some(station) = station {
        station.read(from, &page);
    }
    if page.scanned_to > from {
        let done = follower.follow(app, lease, page).await;
        if let Some(station) = station {
            station.reached(lease.checkpoint.position, follower.aside());
        }
        return done.map(|()| Step::Went);
    }
    let next = follower.idle(app, lease, lease.checkpoint).await?;
    if let Some(station) = station {
        station.rests(lease.checkpoint.position, follower.aside(), asked);
    }
    Ok(Step::Rests(next))
}

/// Makes sure that this is the log that the checkpoint is from.
///
/// # Errors
/// [`Halt::Stopped`] if another event stands at its position.
pub(super) async fn known_log(app: &App, checkpoint: Checkpoint) -> Result<(), Halt> {
    let Some(before) = checkpoint.position.0.checked_sub(1) else { return Ok(()) };
    let page = app.store().read_log(Position(before), &Filter::default(), 0).await?;
    // Not all that has a position is an event.
    let is_there = page.scanned_to == checkpoint.position;
    let first = page.events.first().map(|event| event.id);
    let there = if is_there { page.scanned_id.or(first) } else { first };
    if there.is_some() && (checkpoint.event.is_none() || there == checkpoint.event) {
        Ok(())
    } else {
        Err(diverged(checkpoint.position))
    }
}

fn diverged(position: Position) -> Halt {
    Halt::Stopped(format!(
        "the log is not the one that was followed: position {position} holds another event, or none"
    ))
}
