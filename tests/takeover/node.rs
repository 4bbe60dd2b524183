//! The hand that starts, stops and kills a process.

use std::io::{BufRead, BufReader};
use tests::server::child::Actor;
use tests::server::process::BOUND;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A process that works, as its starter sees it. It does not outlive that.
pub struct Node {
    actor: Actor,
    says: mpsc::UnboundedReceiver<String>,
}

impl Node {
    /// Starts one on this kind of ground.
    pub fn start(ground: &str, environment: &[(&str, &str)]) -> Self {
        let mut actor = Actor::start(ground, environment);
        let reports = BufReader::new(actor.says());
        let (report, says) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in reports.lines().map_while(Result::ok) {
                // Nobody listens any more when it is dropped.
                let _ = report.send(line);
            }
        });
        Self { actor, says }
    }

    /// Waits until it says this, behind what was waited for before.
    pub async fn says(&mut self, line: &str) {
        self.says_all(&[line]).await;
    }

    /// Waits until it has said all of these, in any order, behind what was waited for before.
    pub async fn says_all(&mut self, lines: &[&str]) {
        let mut missing = lines.to_vec();
        let mut before = Vec::new();
        let said = async {
            while let Some(said) = self.says.recv().await {
                missing.retain(|line| *line != said);
                if missing.is_empty() {
                    return true;
                }
                before.push(said);
            }
            false
        };
        let said = timeout(BOUND, said).await;
        assert_eq!(said, Ok(true), "it does not say {missing:?} of {lines:?}, but {before:?}");
    }

    /// Tells it something.
    pub fn tell(&self, word: &str) {
        self.actor.tell(word);
    }

    /// Sends it a signal, as in `STOP`.
    pub fn signal(&self, signal: &str) {
        self.actor.signal(signal);
    }

    /// Tells it to end, and waits until it is gone.
    pub async fn stop(mut self) {
        self.signal("TERM");
        self.says("stopped").await;
        assert!(self.actor.ended().success());
    }
}
