//! A reactor whose lease is taken while its command is on the way.

use es_core::DrainError;
use es_core::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[event]
pub struct DoorOpened;
#[event]
pub struct BellRung;

#[command(Bell)]
pub struct OpenDoor {
    #[id]
    pub door: u32,
}
#[command(Bell)]
pub struct RingBell {
    #[id]
    pub door: u32,
}

/// Takes the lease while the bell is about to be rung for the first time.
pub struct Rival {
    store: Arc<dyn EventStore>,
    /// How often the bell was about to be rung.
    rings: AtomicU32,
}

impl Rival {
    async fn take_the_lease(&self) {
        if self.rings.fetch_add(1, Ordering::Relaxed) == 0 {
            // As if the holder had slept through the end of its lease and not noticed: there is a newer epoch.
            let holder = self.store.processors("ringer.r1").await.unwrap()[0].owner.unwrap();
            let taken = self.store.acquire("ringer.r1", holder, Duration::from_millis(1)).await.unwrap();
            self.store.release(&taken.unwrap()).await.unwrap();
        }
    }
}

#[aggregate(id = u32, default)]
#[derive(Default)]
pub struct Bell;

#[applier]
impl Bell {
    fn opened(&mut self, _: &DoorOpened) {}
    fn rung(&mut self, _: &BellRung) {}
}

#[command_handler(retry(max = 0))]
impl Bell {
    fn open(&self, _: OpenDoor) -> DoorOpened {
        DoorOpened
    }
    async fn ring(&self, _: RingBell, rival: &Rival) -> BellRung {
        rival.take_the_lease().await;
        BellRung
    }
}

#[reactor(from = start, retry(max = 0), on_failure = stop)]
pub struct Ringer;

#[reactor]
impl Ringer {
    fn opened(&self, _: &DoorOpened, door: &u32) -> RingBell {
        RingBell { door: *door }
    }
}

on_every_store! {
    a_command_that_is_late_for_its_lease_changes_nothing,
}

async fn a_command_that_is_late_for_its_lease_changes_nothing(store: impl EventStore + Clone) {
    let rival = Arc::new(Rival { store: Arc::new(store.clone()), rings: AtomicU32::new(0) });
    let app = App::builder(store.clone())
        .aggregate::<Bell>()
        .reactor::<Ringer>()
        .service::<Rival>(rival.clone())
        .build()
        .await
        .unwrap();
    app.execute(OpenDoor { door: 1 }).await.unwrap();

    // Without a lease it does not ring; nor is that a failure of the command, which would stop the reactor.
    while let Err(late) = app.drain().await {
        assert!(!matches!(late, DrainError::Stopped { .. }), "{late}");
    }
    assert_eq!(app.history::<Bell>(&1).await.unwrap().len(), 2);
    // What is stored is decided anew: had the late one been stored, its answer would have come from the log.
    assert_eq!(rival.rings.load(Ordering::Relaxed), 2);
}
