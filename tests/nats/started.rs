//! Servers that are set up otherwise.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::server::process::Process;

/// A server of its own, which goes with the test.
pub struct Started {
    _process: Process,
    pub url: String,
    data: TempDir,
}

impl Started {
    pub async fn new(program: &str, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let ports = data.path().join("ports");
        let mut command = Command::new(program);
        command.args(["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir"]).arg(data.path());
        command.arg("--store_dir").arg(&ports).stdout(Stdio::null()).stderr(Stdio::null());
        command.args(arguments);
        let process = Process::start(command, data.path());
        let mut started = Self { _process: process, url: String::new(), data };
        started.url = started.listening().await;
        started
    }

    /// The address with these words before the host's name.
    pub fn url_with(&self, before: &str) -> String {
        self.url.replace("://", &format!("://{before}@"))
    }

    /// The address, which the server writes into a file once it listens.
    async fn listening(&self) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let files = std::fs::read_dir(self.data.path()).unwrap().flatten();
            let ports =
                files.map(|file| file.path()).find(|path| path.extension().is_some_and(|it| it == "ports"));
            let written = ports.and_then(|path| std::fs::read(path).ok());
            let read = written.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
            if let Some(url) = read.as_ref().and_then(|ports| ports["nats"][0].as_str()) {
                return url.to_owned();
            }
            assert!(Instant::now() < end, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
