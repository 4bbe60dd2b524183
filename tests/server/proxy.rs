//! A way to a server that can be cut, dammed up, or made long and lossy.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A port of loopback behind which a server's is.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What happens to the connection whose bytes are next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It is closed on both sides when so many more bytes have reached the server, over all connections.
    AfterRequest(usize),
    /// It is closed on both sides when the server answers; nobody hears the answer.
    BeforeResponse,
    /// The client's side is closed when the server has its request; the server's side stays open.
    HalfOpen,
}

struct Shared {
    server: u16,
    line: watch::Sender<Line>,
    cut: Mutex<Option<Cut>>,
    /// The server's sides of half-open connections.
    abandoned: Mutex<Vec<TcpStream>>,
}

#[derive(Clone, Copy, Default)]
struct Line {
    is_dammed: bool,
    latency: Duration,
    /// One of so many pieces is lost, and comes so much later.
    loss: Option<(u32, Duration)>,
    /// Connections from before the last cut end.
    cuts: u64,
}

/// How a connection ends.
enum End {
    Closed,
    HalfOpen,
}

impl Proxy {
    /// A way to the server at this port of loopback.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = watch::Sender::new(Line::default());
        let shared = Arc::new(Shared { server, line, cut: Mutex::default(), abandoned: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { port, shared, accepting }
    }

    /// Where clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the connection that is used next.
    pub fn cut_next(&self, cut: Cut) {
        *self.shared.cut.lock().unwrap() = Some(cut);
    }

    /// Whether the cut that was asked for is still to come.
    pub fn is_armed(&self) -> bool {
        self.shared.cut.lock().unwrap().is_some()
    }

    /// Cuts all connections.
    pub fn cut_all(&self) {
        self.shared.line.send_modify(|line| line.cuts += 1);
    }

    /// Lets nothing through, in both directions, and closes nothing; or lets it flow again.
    pub fn dam(&self, is_dammed: bool) {
        self.shared.line.send_modify(|line| line.is_dammed = is_dammed);
    }

    /// Holds everything up for so long, in each direction.
    pub fn delay(&self, latency: Duration) {
        self.shared.line.send_modify(|line| line.latency = latency);
    }

    /// Loses one of so many pieces, in each direction. A connection sends it again, so that it comes late, and all
    /// that is behind it, too.
    pub fn lose(&self, one_of: u32, late: Duration) {
        self.shared.line.send_modify(|line| line.loss = Some((one_of, late)));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, shared.clone()));
    }
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let mut line = shared.line.subscribe();
    let cuts = line.borrow().cuts;
    // A server that is down is a connection that is closed at once.
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", shared.server)).await else { return };
    // The delay is the proxy's alone.
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let is_deaf = Mutex::new(false);
    let end = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let up = async {
            let mut bytes = vec![0; 64 * 1024];
            loop {
                let read = taken(from_client.read(&mut bytes).await)?;
                shared.passes().await;
                let (sent, end) = shared.requested(read, &is_deaf);
                taken_all(to_server.write_all(&bytes[..sent]).await)?;
                end?;
            }
        };
        let down = async {
            let mut bytes = vec![0; 64 * 1024];
            loop {
                let read = taken(from_server.read(&mut bytes).await)?;
                shared.passes().await;
                if *is_deaf.lock().unwrap() {
                    return Err::<(), _>(End::Closed);
                }
                taken_all(to_client.write_all(&bytes[..read]).await)?;
            }
        };
        let is_cut = line.wait_for(|line| line.cuts != cuts);
        tokio::select! {
            end = up => end,
            end = down => end,
            _ = is_cut => Ok::<(), End>(()),
        }
    };
    if matches!(end, Err(End::HalfOpen)) {
        shared.abandoned.lock().unwrap().push(server);
    }
}

fn taken(read: io::Result<usize>) -> Result<usize, End> {
    read.ok().filter(|read| *read > 0).ok_or(End::Closed)
}

fn taken_all(written: io::Result<()>) -> Result<(), End> {
    written.map_err(|_| End::Closed)
}

impl Shared {
    /// Waits as long as the line has it.
    async fn passes(&self) {
        let mut line = self.line.subscribe();
        // The sender is ours, so it is there.
        let line = line.wait_for(|line| !line.is_dammed).await.map_or_else(|_| Line::default(), |line| *line);
        let late = line.loss.filter(|(one_of, _)| fastrand::u32(..one_of) == 0).map(|(_, late)| late);
        let held_up = line.latency + late.unwrap_or_default();
        if !held_up.is_zero() {
            sleep(held_up).await;
        }
    }

    /// How much of a request reaches the server, and whether that was it.
    fn requested(&self, read: usize, is_deaf: &Mutex<bool>) -> (usize, Result<(), End>) {
        let mut cut = self.cut.lock().unwrap();
        match *cut {
            None => (read, Ok(())),
            Some(Cut::AfterRequest(left)) if read < left => {
                *cut = Some(Cut::AfterRequest(left - read));
                (read, Ok(()))
            }
            Some(Cut::AfterRequest(left)) => {
                *cut = None;
                (left, Err(End::Closed))
            }
            Some(Cut::BeforeResponse) => {
                *cut = None;
                *is_deaf.lock().unwrap() = true;
                (read, Ok(()))
            }
            Some(Cut::HalfOpen) => {
                *cut = None;
                (read, Err(End::HalfOpen))
            }
        }
    }
}
