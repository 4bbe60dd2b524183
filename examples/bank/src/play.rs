//! A statement is played: many lines at once, those of one account in their order, each of them once.
//!
//! One line after the other would sync the disk for each of them. So a window of lines is on its way at the same
//! time, and the store writes whatever waits for it in one go. A line waits for the lines before it that change
//! the same accounts, and for no others; the answers are reported in the order of the file.

mod execute;
mod turns;

use crate::error::BankError;
use crate::ledger::Ledger;
use crate::statement::{Line, Lines, RawLine};
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use turns::Turns;

/// How many lines are on their way at the same time.
const WINDOW: usize = 512;

/// How many lines are read ahead.
const READ_AHEAD: usize = 1_024;

/// How a statement is played.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// On whose behalf.
    pub by: String,
    /// Whether the first line that fails ends it: lines are played one by one then.
    pub strict: bool,
}

/// What became of a line.
#[derive(Debug)]
pub struct Played {
    /// Which line, from 1.
    pub number: u64,
    /// Where it ends, in bytes.
    pub end: u64,
    /// Its id, where it could be read.
    pub id: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a line.
#[derive(Debug)]
pub enum Outcome {
    /// It is on the disk, now or from before: see `duplicate` in the answer.
    Recorded(Value),
    /// It changed nothing, and this is why.
    Failed(String),
    /// The database did not do its part.
    Trouble(String),
    /// It was not played, since an earlier one had trouble: what is decided behind a gap may be decided wrongly.
    Skipped,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many lines were played; empty ones do not count.
    pub lines: u64,
    /// How many were recorded.
    pub recorded: u64,
    /// How many were recorded before, so that they changed nothing.
    pub known: u64,
    /// How many failed.
    pub failed: u64,
}

/// Plays a statement, and reports on every line in the order of the file.
///
/// # Errors
/// [`BankError::Statement`] if `source` breaks off, [`BankError::Stopped`] if the database does, and
/// [`BankError::Output`] if `report` does. The lines that were reported as recorded stay recorded.
pub async fn play(
    ledger: &Ledger,
    name: &str,
    source: impl Read + Send + 'static,
    options: &Options,
    mut report: impl FnMut(&Played) -> io::Result<()>,
) -> Result<Summary, BankError> {
    let mut lines = read_ahead(source);
    let (mut window, mut turns, mut summary) = (VecDeque::new(), Turns::default(), Summary::default());
    let mut stop = Stop::default();
    let room = if options.strict { 1 } else { WINDOW };
    let mut is_over = false;
    // The lines that are on their way arrive, whatever happens meanwhile.
    while !is_over || !window.is_empty() {
        tokio::select! {
            biased;
            played = first(&mut window) => {
                window.pop_front();
                summary.count(&played);
                if let Err(error) = report(&played) {
                    stop.error.get_or_insert(BankError::Output(error));
                }
                let is_failed = matches!(played.outcome, Outcome::Failed(_));
                stop.see(played);
                is_over |= stop.is_said() || (options.strict && is_failed);
            }
            line = lines.recv(), if !is_over && window.len() < room => match line {
                Some(Ok(line)) => window.push_back(begin(ledger, line, options, &mut turns, &stop.flag)),
                Some(Err(source)) => {
                    stop.error = Some(BankError::Statement { name: name.to_owned(), source });
                    is_over = true;
                }
                None => is_over = true,
            },
        }
    }
    stop.result().map(|()| summary)
}

/// What ends a statement early.
#[derive(Debug, Default)]
struct Stop {
    /// Raised by a line that has trouble, before the next one on its accounts begins.
    flag: Arc<AtomicBool>,
    /// The first line that is not recorded.
    line: Option<u64>,
    reason: Option<String>,
    /// An error that is not about a line.
    error: Option<BankError>,
}

impl Stop {
    fn see(&mut self, played: Played) {
        let reason = match played.outcome {
            Outcome::Trouble(reason) => Some(reason),
            Outcome::Skipped => None,
            Outcome::Recorded(_) | Outcome::Failed(_) => return,
        };
        self.line.get_or_insert(played.number);
        self.reason = self.reason.take().or(reason);
    }

    fn is_said(&self) -> bool {
        self.line.is_some() || self.error.is_some()
    }

    fn result(self) -> Result<(), BankError> {
        match (self.line, self.error) {
            (Some(line), _) => Err(BankError::Stopped { line, reason: self.reason.unwrap_or_default() }),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        }
    }
}

impl Summary {
    fn count(&mut self, played: &Played) {
        self.lines += 1;
        match &played.outcome {
            Outcome::Recorded(answer) if answer["duplicate"] == true => self.known += 1,
            Outcome::Recorded(_) => self.recorded += 1,
            Outcome::Failed(_) | Outcome::Trouble(_) | Outcome::Skipped => self.failed += 1,
        }
    }
}

/// Reads on a thread of its own, so that a terminal or a pipe that is slow holds nothing up.
fn read_ahead(source: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<RawLine>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        for line in Lines::of(BufReader::new(source)) {
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                break;
            }
        }
    });
    receiver
}

/// Sets a line on its way, behind the earlier ones on its accounts.
fn begin(
    ledger: &Ledger,
    line: RawLine,
    options: &Options,
    turns: &mut Turns,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<Played> {
    let RawLine { number, end, line } = line;
    let turn = turns.take(line.as_ref().map(Line::accounts).unwrap_or_default());
    let (ledger, by, stop) = (ledger.clone(), options.by.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let _turn = turn.begun().await;
        let (id, outcome) = match line {
            Err(reason) => (None, Outcome::Failed(reason)),
            Ok(line) if stop.load(Ordering::Acquire) => (Some(line.id), Outcome::Skipped),
            Ok(line) => {
                let outcome = execute::execute(&ledger, &line, &by).await;
                (Some(line.id), outcome)
            }
        };
        if matches!(outcome, Outcome::Trouble(_)) {
            stop.store(true, Ordering::Release);
        }
        Played { number, end, id, outcome }
    })
}

/// Waits for the first line of the window; for ever if there is none.
async fn first(window: &mut VecDeque<JoinHandle<Played>>) -> Played {
    let Some(line) = window.front_mut() else { return std::future::pending().await };
    match line.await {
        Ok(played) => played,
        // Nobody aborts a line, so it can only have panicked: then so do we.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
