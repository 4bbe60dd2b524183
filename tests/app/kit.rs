//! Where the cases happen: a place that processes open.

use crate::probe::Probe;
use es_core::prelude::*;
use es_core::store::{StoredEvent, StreamRead};
use std::sync::Arc;
use tests::place::{self, Memory};

/// Makes a test of each case on each store.
macro_rules! on_every_store {
    ($($cases:tt)+) => { tests::at_every_place! { crate::kit::given; $($cases)+ } };
}

/// One log, which every process opens for itself.
#[derive(Clone)]
pub struct Place(Arc<dyn Opens>);

/// A place of any kind.
trait Opens: Send + Sync {
    fn probe(&self) -> BoxFuture<'_, Probe>;
}

impl<P: place::Place> Opens for P {
    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async { Probe::over(self.open().await) })
    }
}

/// What a case takes.
pub async fn given(place: &impl place::Place) -> Place {
    Place::at(place)
}

impl Place {
    pub fn at(place: &impl place::Place) -> Self {
        Self(Arc::new(place.clone()))
    }

    pub fn memory() -> Self {
        Self::at(&Memory::default())
    }

    /// The store as one more process sees it.
    pub async fn open(&self) -> Probe {
        self.0.probe().await
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

pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
