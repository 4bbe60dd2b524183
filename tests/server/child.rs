//! The process that things happen to: the test's own binary again, with `child::serve` as its only test.

use super::process::send;
use std::io::Write;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};

/// A process that plays a role. It does not outlive its test: it ends when its input does.
pub struct Actor {
    child: Child,
    tell: Option<ChildStdin>,
}

impl Actor {
    /// Starts it; what it is told stands in these variables, beside `ES_FAULTS_ROLE`.
    pub fn start(role: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::serve", "--ignored", "--nocapture"])
            .env("ES_FAULTS_ROLE", role)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { tell: child.stdin.take(), child }
    }

    /// What it says.
    pub fn says(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("somebody listens already")
    }

    /// Tells it something.
    pub fn tell(&self, word: &str) {
        writeln!(self.tell.as_ref().expect("it is not told to end"), "{word}").unwrap();
    }

    /// Sends it a signal, as in `STOP`.
    pub fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Kills it, and waits until it is gone.
    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
