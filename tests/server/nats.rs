//! A JetStream of a test's own: one server, or three that replicate.

use super::deposed::{DOMAIN, MAPPINGS};
use super::process::{Process, free_port, until};
use super::variable;
use async_nats::jetstream;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// Servers of a test's own, on ports of their own. They write through to the disk.
pub struct Nats {
    folder: TempDir,
    nodes: Vec<Node>,
    program: String,
    /// Whether somebody stands between them and their clients.
    is_guarded: bool,
}

struct Node {
    port: u16,
    route: u16,
    process: Option<Process>,
}

impl Nats {
    /// One server.
    pub async fn single() -> Self {
        Self::start(1, variable("ES_NATS_BIN"), false).await
    }

    /// One server whose files are in this folder.
    pub async fn single_in(folder: TempDir) -> Self {
        Self::start_in(folder, 1, variable("ES_NATS_BIN"), false).await
    }

    /// One server of the release before atomic batches.
    pub async fn old() -> Self {
        Self::start(1, variable("ES_NATS_OLD_BIN"), false).await
    }

    /// Three servers.
    pub async fn cluster() -> Self {
        Self::start(3, variable("ES_NATS_BIN"), false).await
    }

    /// Three servers whose leaders are asked by way of [`Deposed`](super::deposed::Deposed).
    pub async fn guarded_cluster() -> Self {
        Self::start(3, variable("ES_NATS_BIN"), true).await
    }

    async fn start(nodes: usize, program: String, is_guarded: bool) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), nodes, program, is_guarded).await
    }

    async fn start_in(folder: TempDir, nodes: usize, program: String, is_guarded: bool) -> Self {
        let node = |_| Node { port: free_port(), route: free_port(), process: None };
        let mut servers = Self { folder, nodes: (0..nodes).map(node).collect(), program, is_guarded };
        for node in 0..nodes {
            std::fs::write(servers.file(node), servers.configuration(node)).unwrap();
            servers.spawn(node);
        }
        servers.ready().await;
        servers
    }

    fn configuration(&self, node: usize) -> String {
        let store = self.folder.path().join(format!("store-{node}"));
        let (domain, mappings) = if self.is_guarded { (DOMAIN, MAPPINGS) } else { ("", "") };
        let alone = format!(
            "server_name: node-{node}\nlisten: \"127.0.0.1:{}\"\n\
             jetstream {{ store_dir: \"{}\", sync_interval: always {domain} }}\n{mappings}",
            self.nodes[node].port,
            store.display(),
        );
        if self.nodes.len() == 1 {
            return alone;
        }
        let route = |node: &Node| format!("\"nats://127.0.0.1:{}\"", node.route);
        let routes: Vec<_> = self.nodes.iter().map(route).collect();
        format!(
            "{alone}cluster {{ name: faults, listen: \"127.0.0.1:{}\", routes: [{}] }}\n",
            self.nodes[node].route,
            routes.join(", "),
        )
    }

    fn spawn(&mut self, node: usize) {
        let log = self.folder.path().join(format!("log-{node}"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.file(node)).stdout(log.try_clone().unwrap()).stderr(log);
        self.nodes[node].process = Some(Process::start(command, self.folder.path()));
    }

    fn file(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("node-{node}.conf"))
    }

    /// How many servers there are.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The port of a server.
    pub fn port(&self, node: usize) -> u16 {
        self.nodes[node].port
    }

    /// Where a server is. The others are known to whoever connects.
    pub fn url(&self, node: usize) -> String {
        format!("nats://127.0.0.1:{}", self.port(node))
    }

    /// Waits until a client of each server is answered by JetStream.
    pub async fn ready(&self) {
        for node in 0..self.size() {
            let url = self.url(node);
            until("JetStream answers", async || answers(&url).await).await;
        }
    }

    /// JetStream, by a server that runs.
    pub async fn context(&self, node: usize) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url(node)).await.unwrap())
    }

    /// The server that leads a stream, as another one that runs knows it; `None` while nobody does.
    pub async fn leader(&self, stream: &str, asked: usize) -> Option<usize> {
        let context = self.context(asked).await;
        let stream = context.get_stream(stream).await.ok()?;
        let leader = stream.get_info().await.ok()?.cluster?.leader?;
        leader.strip_prefix("node-")?.parse().ok()
    }

    /// Sends a server a signal, as in `STOP`.
    pub fn signal(&self, node: usize, signal: &str) {
        self.nodes[node].process.as_ref().unwrap().signal(signal);
    }

    /// Kills a server, as the system would.
    pub async fn kill9(&mut self, node: usize) {
        let process = self.nodes[node].process.take().unwrap();
        process.signal("KILL");
        process.ended().await;
    }

    /// Starts a server again, and waits until it is part of the others.
    pub async fn begin(&mut self, node: usize) {
        self.spawn(node);
        self.ready().await;
    }
}

async fn answers(url: &str) -> bool {
    let Ok(client) = async_nats::connect(url).await else { return false };
    jetstream::new(client).query_account().await.is_ok()
}
