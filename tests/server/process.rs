//! A server's process, which goes with the test that has started it, however that ends.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long anything is waited for. What it takes is printed, and not judged.
pub const BOUND: Duration = Duration::from_mins(1);

/// A process of a test.
pub struct Process {
    child: Child,
    /// Waits for the end of its input, which is the end of the test's process, and kills the server then.
    watcher: Child,
}

impl Process {
    /// Starts a server. If the test is killed, it is killed, too, and its folder goes.
    pub fn start(mut command: Command, folder: &Path) -> Self {
        // An interrupt from the terminal is for the test, which cannot clean up when its servers have gone first.
        let child = command.stdin(Stdio::null()).process_group(0).spawn().unwrap();
        let watcher = Command::new("sh")
            .args(["-c", "read -r _; kill -KILL \"$1\"; sleep 1; rm -rf \"$2\"", "sh"])
            .arg(child.id().to_string())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { child, watcher }
    }

    /// Sends it a signal, as in `STOP`.
    pub fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended.
    pub async fn ended(mut self) {
        until("it ends", async || self.has_ended()).await;
    }

    /// Asks it to end by a signal, and gives it a moment, where nobody can wait for long.
    pub fn end(mut self, signal: &str) {
        if self.has_ended() {
            return;
        }
        self.signal("CONT");
        self.signal(signal);
        for _ in 0..500 {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both may be gone already.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process, as in `KILL`.
pub fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args(["-s", signal, &process.to_string()]).status().unwrap();
    assert!(sent.success(), "process {process} is not there");
}

/// A port on loopback that is free, and that the system gives to nobody by itself: so it stays free while
/// a server is down.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(10_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A folder that goes with its test. Where root starts servers as somebody else, whoever that is may come to it:
/// the folder for root's own temporary files may be closed to others.
pub fn folder() -> TempDir {
    if is_root() { tempfile::tempdir_in("/tmp").unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Runs a command to its end, which must be good, and answers what it says.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Looks again and again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it is not so that {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A figure of a test: how often something is done. The long form, by `ES_SOAK`, is what `tests/soak` runs.
pub fn often(short: u32, long: u32) -> u32 {
    if std::env::var_os("ES_SOAK").is_some() { long } else { short }
}
