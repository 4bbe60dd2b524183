//! A way to the server on which answers get lost, which falls silent or becomes slow, and on which questions
//! are counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::server::postgres_url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

pub struct Proxy {
    port: u16,
    lost: Lost,
    asked: Asked,
    line: Arc<Line>,
}

/// How well connections carry. A silent one says nothing any more, and nobody closes it either.
#[derive(Default)]
struct Line {
    /// Connections from before this many silences say nothing.
    silences: AtomicUsize,
    /// Neither do those that are made now.
    is_silent: AtomicBool,
    /// How many bytes a second answers have, if not all that there are.
    rate: AtomicU32,
}

/// What was asked: the messages of each round trip.
type Asked = Arc<Mutex<Vec<Vec<u8>>>>;

/// What ends a round trip: the client waits for the server's answer.
const ENDS: [u8; 2] = [b'S', b'Q'];

/// What stands in the question whose answer gets lost.
type Lost = Arc<Mutex<VecDeque<&'static str>>>;

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lost = Lost::default();
        let asked = Asked::default();
        let line = Arc::<Line>::default();
        let theirs = (Arc::clone(&lost), Arc::clone(&asked), Arc::clone(&line));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (lost, asked, line) = theirs.clone();
                tokio::spawn(carry(client, lost, asked, line));
            }
        });
        Self { port, lost, asked, line }
    }

    /// From here on answers come at so many bytes a second.
    pub fn slow_down(&self, rate: u32) {
        self.line.rate.store(rate, Ordering::SeqCst);
    }

    /// From here on nothing gets through, and nothing is closed.
    pub fn fall_silent(&self) {
        self.line.is_silent.store(true, Ordering::SeqCst);
        self.line.silences.fetch_add(1, Ordering::SeqCst);
    }

    /// New connections are connections again; those from before stay as they are.
    pub fn speak(&self) {
        self.line.is_silent.store(false, Ordering::SeqCst);
    }

    /// What was asked since this was asked last, each round trip by itself.
    pub fn asked(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The server's URL by this way.
    pub fn url(&self) -> String {
        let url = postgres_url();
        let (user, place) = url.split_once('@').unwrap();
        let (_, database) = place.split_once('/').unwrap();
        format!("{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// The answer to the next question with this in it is lost, and the connection with it.
    pub fn lose_the_answer_to(&self, text: &'static str) {
        *self.lost.lock().unwrap() = VecDeque::from([text]);
    }

    /// And once that is lost, the answer to the next question with this in it.
    pub fn then_lose_the_answer_to(&self, text: &'static str) {
        self.lost.lock().unwrap().push_back(text);
    }

    pub fn has_lost_it(&self) -> bool {
        self.lost.lock().unwrap().is_empty()
    }
}

impl Line {
    /// Takes as long as so much of an answer does.
    async fn takes_time(&self, bytes: usize) {
        let rate = self.rate.load(Ordering::SeqCst);
        if rate > 0 {
            let bytes = u32::try_from(bytes).unwrap();
            tokio::time::sleep(Duration::from_secs(1) * bytes / rate).await;
        }
    }

    /// Ends never, if this has fallen silent since so many silences.
    async fn passes(&self, since: usize) {
        if self.silences.load(Ordering::SeqCst) != since {
            std::future::pending::<()>().await;
        }
    }
}

async fn carry(client: TcpStream, lost: Lost, counted: Asked, line: Arc<Line>) {
    let since = line.silences.load(Ordering::SeqCst);
    if line.is_silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let url = postgres_url();
    let place = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
    let server = TcpStream::connect(place).await.unwrap();
    let ((from_client, mut to_client), (mut from_server, to_server)) =
        (client.into_split(), server.into_split());
    let is_cut = Arc::new(AtomicBool::new(false));
    let passing = (Arc::clone(&line), since);
    let asking = tokio::spawn(ask(from_client, to_server, (lost, counted), Arc::clone(&is_cut), passing));
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
        line.passes(since).await;
        line.takes_time(read).await;
        if is_cut.load(Ordering::SeqCst) || to_client.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

async fn ask(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    (lost, counted): (Lost, Asked),
    is_cut: Arc<AtomicBool>,
    (line, since): (Arc<Line>, usize),
) {
    let mut bytes = vec![0; 16 * 1024];
    let mut questions = Questions::default();
    while let Ok(read @ 1..) = client.read(&mut bytes).await {
        line.passes(since).await;
        let asked = &bytes[..read];
        let is_it =
            |text: &mut &'static str| asked.windows(text.len()).any(|window| window == text.as_bytes());
        counted.lock().unwrap().extend(questions.read(asked));
        if lost.lock().unwrap().pop_front_if(is_it).is_some() {
            is_cut.store(true, Ordering::SeqCst);
        }
        if server.write_all(asked).await.is_err() {
            break;
        }
    }
}

/// What a client says on a connection, split into round trips.
#[derive(Default)]
struct Questions {
    unread: Vec<u8>,
    /// Where the next message begins.
    next: usize,
    has_begun: bool,
}

impl Questions {
    /// The round trips that end in these bytes.
    fn read(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.unread.extend_from_slice(bytes);
        let mut ended = Vec::new();
        loop {
            // The first message of a connection has no kind.
            let length_at = self.next + usize::from(self.has_begun);
            let Some(length) = self.unread.get(length_at..length_at + 4) else { return ended };
            let end = length_at + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if self.unread.len() < end {
                return ended;
            }
            let is_last = self.has_begun && ENDS.contains(&self.unread[self.next]);
            (self.next, self.has_begun) = (end, true);
            if is_last {
                ended.push(self.unread.drain(..end).collect());
                self.next = 0;
            }
        }
    }
}
