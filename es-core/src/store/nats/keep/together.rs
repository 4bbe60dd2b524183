//! Changes of several processors, in one batch.
//!
//! A single server makes room on its disk for each batch, one after the other, however little is in it. So what comes
//! while one is on its way goes together in the next. Where that is refused for the sake of one of them, each goes
//! alone.

use super::super::batch::{self, Draft, MAX_BATCH, Unsent};
use super::super::server::Server;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::time::timeout;

/// The most messages of a change that waits for others. A larger one is a batch well used.
const MOST: usize = MAX_BATCH / 8;

/// What is to go together.
#[derive(Default)]
pub struct Together {
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    waiting: Mutex<VecDeque<Change>>,
    /// Held while some of them are on their way.
    turn: AsyncMutex<()>,
}

/// Messages of which the last one's sequence is to be answered.
struct Change {
    server: Server,
    drafts: Vec<Draft>,
    answer: oneshot::Sender<Result<u64, Unsent>>,
}

impl Together {
    /// Sends messages, all of them or none, and answers the sequence of the last.
    pub async fn send(&self, server: &Server, drafts: Vec<Draft>) -> Result<u64, Unsent> {
        if !(2..=MOST).contains(&drafts.len()) {
            return batch::send(server, drafts).await.map(|sent| sent.last);
        }
        let (answer, answered) = oneshot::channel();
        self.line.waiting().push_back(Change { server: server.clone(), drafts, answer });
        // In a task of its own, so that nobody's giving up is another one's.
        tokio::spawn(go(self.line.clone()));
        let answered = timeout(server.left(), answered).await.map_err(|late| Unsent::Unknown(late.into()))?;
        answered.unwrap_or_else(|ended| Err(Unsent::Unknown(ended.into())))
    }
}

impl Line {
    /// Nothing panics while the lock is held.
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many as fit into a batch, of those for whom somebody still waits.
    fn take(&self) -> Vec<Change> {
        let (mut waiting, mut taken, mut count) = (self.waiting(), Vec::new(), 0);
        while let Some(next) = waiting.pop_front_if(|next| count + next.drafts.len() <= MAX_BATCH) {
            if !next.answer.is_closed() {
                count += next.drafts.len();
                taken.push(next);
            }
        }
        taken
    }
}

async fn go(line: Arc<Line>) {
    let _turn = line.turn.lock().await;
    let mut changes = line.take();
    match changes.len() {
        // They have gone with others.
        0 => {}
        1 => alone(changes.remove(0)).await,
        _ => together(changes).await,
    }
}

async fn alone(change: Change) {
    let sent = batch::send(&change.server, change.drafts).await;
    // Whoever has given up is not interested.
    let _ = change.answer.send(sent.map(|sent| sent.last));
}

async fn together(changes: Vec<Change>) {
    let Some(server) = changes.last().map(|last| last.server.clone()) else { return };
    let drafts: Vec<_> = changes.iter().flat_map(|change| change.drafts.iter().cloned()).collect();
    let count = drafts.len() as u64;
    match batch::send(&server, drafts).await {
        Ok(sent) => {
            let mut last = sent.last - count;
            for change in changes {
                last += change.drafts.len() as u64;
                let _ = change.answer.send(Ok(last));
            }
        }
        Err(Unsent::Unknown(cause)) => {
            for change in changes {
                let _ = change.answer.send(Err(Unsent::Unknown(cause.to_string().into())));
            }
        }
        Err(_) => {
            for change in changes {
                tokio::spawn(alone(change));
            }
        }
    }
}
