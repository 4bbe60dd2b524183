//! Where the cases happen: a place that processes open.

use crate::probe::Probe;
use es_core::prelude::*;
use es_core::store::{StoredEvent, StreamRead};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use tests::place::{self, Anywhere, Memory};

/// Makes a test of each case on each store.
macro_rules! on_every_store {
    ($($cases:tt)+) => { tests::at_every_place! { crate::kit::given; $($cases)+ } };
}

/// One log, which every process opens for itself.
#[derive(Clone)]
pub struct Place(Anywhere);

/// What a case takes.
pub async fn given(place: &Anywhere) -> Place {
    Place(place.clone())
}

impl Place {
    pub fn at(place: &impl place::Place) -> Self {
        Self(Anywhere::of(place.clone()))
    }

    pub fn memory() -> Self {
        Self::at(&Memory::default())
    }

    /// The store as one more process sees it.
    pub async fn open(&self) -> Probe {
        Probe::over(self.0.open().await)
    }

    /// The positions of all events, in their order.
    pub async fn positions(&self) -> Vec<Position> {
        place::positions(&self.open().await).await
    }

    /// What is stored of a stream, hidden events left out.
    pub async fn stored(&self, stream: &StreamId) -> Vec<StoredEvent> {
        let page = self.open().await.read_stream(stream, StreamRead::after(0).limit(2_000)).await.unwrap();
        assert!(!page.more, "{stream} is longer than these cases make it");
        page.events
    }

    /// The names of what is stored of a stream.
    pub async fn names(&self, stream: &StreamId) -> Vec<String> {
        self.stored(stream).await.iter().map(|event| event.name.to_string()).collect()
    }
}

/// Polls a future, and leaves it for later.
pub async fn poll_once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
