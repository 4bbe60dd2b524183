//! A way to the server on which answers get lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tests::server::postgres_url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

pub struct Proxy {
    port: u16,
    lost: Lost,
}

/// What stands in the question whose answer gets lost.
type Lost = Arc<Mutex<VecDeque<&'static str>>>;

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lost = Lost::default();
        let theirs = Arc::clone(&lost);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&theirs)));
            }
        });
        Self { port, lost }
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

async fn carry(client: TcpStream, lost: Lost) {
    let url = postgres_url();
    let place = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
    let server = TcpStream::connect(place).await.unwrap();
    let ((from_client, mut to_client), (mut from_server, to_server)) =
        (client.into_split(), server.into_split());
    let is_cut = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(ask(from_client, to_server, lost, Arc::clone(&is_cut)));
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
        if is_cut.load(Ordering::SeqCst) || to_client.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

async fn ask(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, lost: Lost, is_cut: Arc<AtomicBool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = client.read(&mut bytes).await {
        let asked = &bytes[..read];
        let is_it =
            |text: &mut &'static str| asked.windows(text.len()).any(|window| window == text.as_bytes());
        if lost.lock().unwrap().pop_front_if(is_it).is_some() {
            is_cut.store(true, Ordering::SeqCst);
        }
        if server.write_all(asked).await.is_err() {
            break;
        }
    }
}
