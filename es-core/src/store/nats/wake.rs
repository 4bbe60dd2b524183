//! How those who wait hear that the log has grown: from whoever made it grow, and by looking.

use super::fetch;
use super::server::Server;
use crate::id::Position;
use async_nats::Subscriber;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

/// How long a commit stays unseen at most if nobody says a word of it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

const TELL_FOR: Duration = Duration::from_millis(100);

/// The end of the log as far as it is known here.
pub(super) struct Wake {
    server: Server,
    end: Arc<watch::Sender<u64>>,
    /// Held by the one who looks, for all who wait.
    looking: Mutex<()>,
    listener: JoinHandle<()>,
}

impl Wake {
    pub fn start(server: &Server) -> Self {
        let end = Arc::new(watch::Sender::new(0));
        let listener = tokio::spawn(listen(server.clone(), end.clone()));
        Self { server: server.clone(), end, looking: Mutex::new(()), listener }
    }

    /// Says that a commit of this process took the log up to `end`; other processes are told soon.
    pub async fn reached(&self, end: Position) {
        rise(&self.end, end.0);
        let word = end.0.to_string().into();
        // Nobody relies on it: whoever does not hear it looks. A connection may take nothing, and a commit that is
        // stored is not kept waiting for that.
        let telling = self.server.client().publish(self.server.names().grown(), word);
        let _ = tokio::time::timeout(TELL_FOR, telling).await;
    }

    /// Waits until the log goes further than `after`, or so long.
    pub async fn wait(&self, after: Position, max: Duration) {
        let _ = tokio::time::timeout(max, self.until_behind(after.0)).await;
    }

    async fn until_behind(&self, after: u64) {
        let mut end = self.end.subscribe();
        while !self.server.is_closed() {
            let risen = tokio::time::timeout(LOOK_EVERY, end.wait_for(|end| *end > after)).await.is_ok();
            if risen {
                return;
            }
            self.look().await;
        }
    }

    async fn look(&self) {
        // Whoever finds somebody looking hears of it from there.
        let Ok(_looking) = self.looking.try_lock() else { return };
        if let Ok(end) = fetch::end(&self.server).await {
            rise(&self.end, end.position.0);
        }
    }

    pub fn close(&self) {
        self.listener.abort();
        rise(&self.end, u64::MAX);
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn rise(end: &watch::Sender<u64>, to: u64) {
    end.send_if_modified(|end| {
        let rises = to > *end;
        *end = to.max(*end);
        rises
    });
}

/// Hears what others say.
async fn listen(server: Server, end: Arc<watch::Sender<u64>>) {
    let Ok(mut words) = server.client().subscribe(server.names().grown()).await else { return };
    while let Some(word) = next(&mut words).await {
        if let Some(reached) = std::str::from_utf8(&word.payload).ok().and_then(|word| word.parse().ok()) {
            rise(&end, reached);
        }
    }
}

async fn next(words: &mut Subscriber) -> Option<async_nats::Message> {
    poll_fn(|context| futures_core::Stream::poll_next(Pin::new(&mut *words), context)).await
}
