//! A way to the server on which answers get lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::server::postgres_url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Proxy {
    port: u16,
    loses: Arc<AtomicBool>,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let loses = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&loses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&flag)));
            }
        });
        Self { port, loses }
    }

    /// The server's URL by this way.
    pub fn url(&self) -> String {
        let url = postgres_url();
        let (user, place) = url.split_once('@').unwrap();
        let (_, database) = place.split_once('/').unwrap();
        format!("{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// From now on, the next answer of the server is lost, and the connection with it.
    pub fn lose_the_next_answer(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    pub fn has_lost_it(&self) -> bool {
        !self.loses.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, loses: Arc<AtomicBool>) {
    let url = postgres_url();
    let place = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
    let server = TcpStream::connect(place).await.unwrap();
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let asking = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
        if loses.swap(false, Ordering::SeqCst) || to_client.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    asking.abort();
}
