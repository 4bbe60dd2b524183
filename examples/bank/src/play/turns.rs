//! The order of the lines: whoever changes an account waits for those before it.

use std::collections::HashMap;
use tokio::sync::oneshot;

/// From how many accounts on those that nobody waits for are forgotten.
const ROOM: usize = 4_096;

/// Who was last on each account.
#[derive(Debug, Default)]
pub struct Turns {
    last: HashMap<String, oneshot::Receiver<()>>,
}

/// A place behind all earlier ones on the same accounts. It ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    before: Vec<oneshot::Receiver<()>>,
    /// Nothing is ever sent: to be dropped is their message.
    until: Vec<oneshot::Sender<()>>,
}

impl Turns {
    /// Takes a place on all of these accounts; none of them may be there twice.
    pub fn take(&mut self, accounts: Vec<&str>) -> Turn {
        if self.last.len() >= ROOM {
            self.last.retain(|_, last| last.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        }
        let mut turn = Turn { before: Vec::new(), until: Vec::new() };
        for account in accounts {
            let (until, over) = oneshot::channel();
            turn.before.extend(self.last.insert(account.to_owned(), over));
            turn.until.push(until);
        }
        turn
    }
}

impl Turn {
    /// Waits until everybody before has ended.
    pub async fn begun(mut self) -> Self {
        for before in self.before.drain(..) {
            // The error says that the sender was dropped, which is what is waited for.
            let _ = before.await;
        }
        self
    }
}
