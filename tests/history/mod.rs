//! What was asked of a store and what it answered, and whether its log bears that out.
#![expect(clippy::missing_panics_doc, reason = "whatever is not as it should be fails the test")]

#[cfg(test)]
mod broken;
mod delivery;
mod load;
pub mod process;
mod read;
mod report;
mod verdict;
pub mod way;

pub use delivery::{Reading, Subscriber};
pub use load::{Load, Writer, commit_of, contend, settled, under_load};
pub use read::log_of;
pub use report::{listen, say, write_aloud};
pub use verdict::{Figures, Verdict};

use es_core::Position;
use es_core::store::{AppendError, Appended, Commit, EventStore};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The attempts to append, of all writers.
#[derive(Default)]
pub struct History {
    /// Tells what was before what, on one node.
    time: AtomicU64,
    attempts: Mutex<Vec<Attempt>>,
}

/// One call of `append`.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Whose time it is told in. Between the times of two nodes nothing is said.
    pub node: u32,
    /// What was to be appended.
    pub commit: Commit,
    /// When it was sent.
    pub invoked: u64,
    /// When it was answered, and what. `None` if whoever has sent it did not live to see it.
    pub answered: Option<(u64, Answer)>,
}

/// What an answer says of the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is stored.
    Stored {
        /// Whether it was stored before.
        duplicate: bool,
        /// The position that was answered.
        position: Position,
        /// The versions that its streams have, in the order of its parts.
        versions: Vec<u64>,
    },
    /// It was refused: a stream was at this version.
    Conflict {
        /// The stream.
        stream: String,
        /// Its version.
        actual: u64,
    },
    /// It was refused, and nothing can make it be stored any more.
    Refused,
    /// It was not stored.
    NotStored,
    /// It may be stored.
    Unknown,
}

impl Answer {
    /// What a store's answer says.
    pub fn of(answer: &Result<Appended, AppendError>) -> Self {
        match answer {
            Ok(appended) => Self::Stored {
                duplicate: appended.duplicate,
                position: appended.position,
                versions: appended.heads.iter().map(|head| head.version).collect(),
            },
            Err(AppendError::Conflict { stream, actual, .. }) => {
                Self::Conflict { stream: stream.as_str().to_owned(), actual: *actual }
            }
            Err(AppendError::Unavailable { .. }) => Self::NotStored,
            Err(AppendError::Ambiguous { .. }) => Self::Unknown,
            Err(_) => Self::Refused,
        }
    }

    /// Whether it is known what became of the commit.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::NotStored | Self::Unknown)
    }
}

impl History {
    /// Appends, and keeps what was asked and answered.
    pub async fn append(
        &self,
        store: &dyn EventStore,
        node: u32,
        commit: Commit,
    ) -> Result<Appended, AppendError> {
        let attempt = self.invoked(node, commit.clone());
        let answer = store.append(commit).await;
        self.answered(attempt, Answer::of(&answer));
        answer
    }

    /// Something was sent; answers the attempt's number.
    pub fn invoked(&self, node: u32, commit: Commit) -> usize {
        let mut attempts = self.attempts.lock().unwrap();
        attempts.push(Attempt { node, commit, invoked: self.tick(), answered: None });
        attempts.len() - 1
    }

    /// The attempt of this number was answered.
    pub fn answered(&self, attempt: usize, answer: Answer) {
        let at = self.tick();
        self.attempts.lock().unwrap()[attempt].answered = Some((at, answer));
    }

    /// What was asked and answered so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// How many answers say that something is stored that was not stored before.
    pub fn stored(&self) -> usize {
        let is_stored = |attempt: &&Attempt| {
            matches!(attempt.answered, Some((_, Answer::Stored { duplicate: false, .. })))
        };
        self.attempts.lock().unwrap().iter().filter(is_stored).count()
    }

    fn tick(&self) -> u64 {
        self.time.fetch_add(1, Ordering::SeqCst)
    }
}
