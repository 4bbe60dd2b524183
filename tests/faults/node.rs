//! A process that runs the warehouse, and the hand that starts, stops and kills it.

use super::child::{self, say};
use super::warehouse::{AddItem, OrderId, app};
use es_core::store::SqliteStore;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The role; the process's name stands behind it.
pub const NODE: &str = "node";

/// How long anything is waited for. What it takes is printed, and not judged.
pub const BOUND: Duration = Duration::from_mins(1);

/// Runs the warehouse until it is told to stop, and says how its followers are.
pub async fn serve(store: &SqliteStore, name: &str, file: &Path) {
    let folder = file.parent().unwrap();
    let app = app(store.clone(), folder, name, poison()).await;
    let running = app.start().await.unwrap();
    let mut told = told();
    let mut states = Vec::new();
    loop {
        for status in running.status() {
            let state = format!("{} {:?}", status.name, status.state);
            if !states.contains(&state) {
                states.retain(|known: &String| !known.starts_with(status.name));
                say(&format!("{state}\n"));
                states.push(state);
            }
        }
        let Ok(word) = timeout(Duration::from_millis(10), told.recv()).await else { continue };
        match word.as_deref().and_then(|word| word.strip_prefix("add ")) {
            Some(order) => {
                app.execute(AddItem { order: OrderId::named(order) }).await.unwrap();
                say("added\n");
            }
            // Told to stop, or there is nobody left who could tell it.
            None => break,
        }
    }
    running.stop().await.unwrap();
    say("stopped\n");
}

/// The letter that the post does not take.
fn poison() -> Option<(String, u32)> {
    let text = std::env::var("ES_FAULTS_POISON").ok()?;
    let (order, number) = text.split_once(' ').unwrap();
    Some((order.to_owned(), number.parse().unwrap()))
}

fn told() -> mpsc::UnboundedReceiver<String> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            // Nobody listens any more when it stops.
            let _ = tell.send(line);
        }
    });
    told
}

/// A process that runs, as its starter sees it. It does not outlive that.
pub struct Node {
    child: Child,
    tell: ChildStdin,
    says: mpsc::UnboundedReceiver<String>,
}

impl Node {
    pub fn start(name: &str, file: &Path, environment: &[(&str, &str)]) -> Self {
        let mut child = child::start(&format!("{NODE} {name}"), file, environment);
        let reports = BufReader::new(child.stderr.take().unwrap());
        let (report, says) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in reports.lines().map_while(Result::ok) {
                // Nobody listens any more when it is dropped.
                let _ = report.send(line);
            }
        });
        Self { tell: child.stdin.take().unwrap(), child, says }
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

    pub fn tell(&mut self, word: &str) {
        writeln!(self.tell, "{word}").unwrap();
    }

    /// Sends a signal, as in `STOP`.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Tells it to stop, and waits until it is gone.
    pub async fn stop(mut self) {
        self.tell("stop");
        self.says("stopped").await;
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
