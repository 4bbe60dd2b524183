//! Subscribers, and whether they were given what they asked for.

use super::Verdict;
use crate::server::process::BOUND;
use es_core::Position;
use es_core::store::{EventStore, Filter, StoredEvent};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Reads the log while it grows, and sometimes begins anew where it was a while ago.
pub struct Subscriber {
    end: Arc<AtomicBool>,
    reading: JoinHandle<Vec<Reading>>,
}

/// What a subscriber was given from one start on.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Where it began.
    pub after: Position,
    /// How far it came.
    pub scanned_to: Position,
    /// What it was given.
    pub given: Vec<(Position, Uuid)>,
}

impl Subscriber {
    /// Begins to read. An error of the store is waited out.
    pub fn start(store: Arc<dyn EventStore>, filter: Filter, seed: u64) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let reading = tokio::spawn(read(store, filter, fastrand::Rng::with_seed(seed), end.clone()));
        Self { end, reading }
    }

    /// Reads to the end of what is there, and answers what was given. Nobody writes any more.
    pub async fn end(self) -> Vec<Reading> {
        self.end.store(true, Ordering::SeqCst);
        timeout(BOUND, self.reading).await.expect("it comes to the end").unwrap()
    }
}

async fn read(
    store: Arc<dyn EventStore>,
    filter: Filter,
    mut random: fastrand::Rng,
    end: Arc<AtomicBool>,
) -> Vec<Reading> {
    let begin = |after| Reading { after, scanned_to: after, given: Vec::new() };
    let mut readings = vec![begin(Position(0))];
    let mut checkpoint = Position(0);
    loop {
        let is_ending = end.load(Ordering::SeqCst);
        let reading = readings.last_mut().expect("there is a first one");
        let Ok(page) = store.read_log(reading.scanned_to, &filter, random.u32(1..200)).await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        reading.given.extend(page.events.iter().map(|event| (event.position, event.id)));
        reading.scanned_to = page.scanned_to;
        if page.scanned_to >= page.head {
            if is_ending {
                return readings;
            }
            store.wait(page.scanned_to, Duration::from_millis(250)).await;
        }
        match random.u32(0..100) {
            0..5 => readings.push(begin(checkpoint)),
            5..30 => checkpoint = page.scanned_to,
            _ => (),
        }
    }
}

impl Verdict {
    /// Looks at what subscribers of `filter` were given: each time just the log from where they began, up to
    /// where they came, and in the end all of it.
    pub fn delivered(&mut self, log: &[StoredEvent], filter: &Filter, readings: &[Reading]) {
        for reading in readings {
            let from = log.partition_point(|event| event.position <= reading.after);
            let to = log.partition_point(|event| event.position <= reading.scanned_to);
            let asked_for = log[from..to.max(from)].iter().filter(|event| is_asked_for(filter, event));
            let due: Vec<_> = asked_for.map(|event| (event.position, event.id)).collect();
            if due != reading.given {
                let at = due.iter().zip(&reading.given).position(|(due, given)| due != given);
                let at = at.unwrap_or(due.len().min(reading.given.len()));
                let violation = format!(
                    "behind {} of {filter:?}, the {at}th of {} events is {:?} where {:?} is due",
                    reading.after,
                    due.len(),
                    reading.given.get(at),
                    due.get(at),
                );
                self.violations.push(violation);
            }
        }
        let reached = readings.last().map_or(Position(0), |reading| reading.scanned_to);
        if log.last().is_some_and(|last| last.position > reached) {
            self.violations.push(format!("a subscriber of {filter:?} ends at {reached}"));
        }
    }
}

/// Whether a filter asks for an event; on purpose not what the stores use.
fn is_asked_for(filter: &Filter, event: &StoredEvent) -> bool {
    let in_streams = filter.streams.is_empty() || filter.streams.contains(&event.stream);
    let category = event.stream.as_str().split('-').next().unwrap_or_default().to_owned();
    let in_categories = filter.categories.is_empty() || filter.categories.contains(&category);
    let in_names = filter.names.is_empty() || filter.names.iter().any(|name| *name == event.name);
    in_streams && in_categories && in_names
}
