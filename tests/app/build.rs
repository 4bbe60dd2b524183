//! What `build` refuses: every fault, each with what to write instead.

use crate::bank::{Account, Errand, NoErrand};
use crate::probe::Probe;
use es_core::prelude::*;
use es_core::store::MemoryStore;
use std::sync::Arc;

/// A hotel's rooms, and a theatre's that took every name of theirs.
mod hotel {
    use es_core::prelude::*;

    #[event]
    pub struct Cancelled {
        pub room: u32,
    }
    #[command(Room)]
    pub struct CancelRoom {
        #[id]
        pub room: u32,
    }
    #[aggregate(id = u32, default)]
    #[derive(Default)]
    pub struct Room {}
    #[applier]
    impl Room {
        fn cancelled(&mut self, _: &Cancelled) {}
    }
    #[command_handler]
    impl Room {
        fn cancel(&self, command: CancelRoom) -> Cancelled {
            Cancelled { room: command.room }
        }
    }
}

mod theatre {
    use es_core::prelude::*;

    #[event]
    pub struct Cancelled {
        pub seat: u32,
    }
    #[command(Seat, name = "CancelRoom")]
    pub struct CancelSeat {
        #[id]
        pub seat: u32,
    }
    #[aggregate(id = u32, default)]
    #[derive(Default)]
    pub struct Seat {}
    #[applier]
    impl Seat {
        fn cancelled(&mut self, _: &Cancelled) {}
    }
    #[command_handler]
    impl Seat {
        fn cancel(&self, command: CancelSeat) -> Cancelled {
            Cancelled { seat: command.seat }
        }
    }

    /// Rehearsed, not played; shares nothing but its name.
    #[aggregate(id = u32, name = "room", default)]
    #[derive(Default)]
    pub struct RehearsalRoom {}
    #[event(name = "rehearsal_room.booked")]
    pub struct Booked {
        pub by: String,
    }
    #[applier]
    impl RehearsalRoom {
        fn booked(&mut self, _: &Booked) {}
    }

    pub trait Stage: Send + Sync {
        fn is_free(&self) -> bool;
    }
    pub struct Lights;

    #[command(RehearsalRoom)]
    pub struct Book {
        #[id]
        pub room: u32,
        pub by: String,
    }
    #[command_handler(retry(max = 0))]
    impl RehearsalRoom {
        fn book(&self, command: Book, stage: &dyn Stage, _: &Lights) -> Option<Booked> {
            stage.is_free().then_some(Booked { by: command.by })
        }
    }
}

fn app() -> es_core::AppBuilder<Probe> {
    App::builder(Probe::over(MemoryStore::new()))
}

/// The one fault that is found.
async fn fault(builder: es_core::AppBuilder<Probe>) -> String {
    let error = builder.build().await.unwrap_err();
    let [fault] = error.faults() else { panic!("{error}") };
    fault.clone()
}

fn says(fault: &str, parts: &[&str]) {
    for part in parts {
        assert!(fault.contains(part), "`{part}` is missing in: {fault}");
    }
}

#[tokio::test]
async fn two_events_with_one_name_are_told_apart_by_the_aggregates() {
    let mut error = app().aggregate::<hotel::Room>().aggregate::<theatre::Seat>().build().await.unwrap_err();
    let faults = error.faults().to_vec();
    let fault = faults.iter().find(|fault| fault.starts_with("events")).unwrap();
    says(
        fault,
        &["hotel::Cancelled", "theatre::Cancelled", "\"Cancelled\", version 1", "name = \"seat.cancelled\""],
    );
    error = app().aggregate::<theatre::Seat>().aggregate::<hotel::Room>().build().await.unwrap_err();
    assert_eq!(error.faults(), faults, "the order of mounting says nothing");
}

#[tokio::test]
async fn two_commands_with_one_name_are_both_named() {
    let error = app().aggregate::<hotel::Room>().aggregate::<theatre::Seat>().build().await.unwrap_err();
    let fault = error.faults().iter().find(|fault| fault.starts_with("commands")).unwrap();
    says(
        fault,
        &["hotel::CancelRoom", "theatre::CancelSeat", "\"CancelRoom\"", "name = \"seat.CancelRoom\""],
    );
}

#[tokio::test]
async fn two_aggregates_with_one_name_are_both_named() {
    let stage = Arc::new(theatre::Lights);
    let builder = app().aggregate::<hotel::Room>().aggregate::<theatre::RehearsalRoom>().service(stage);
    let error = builder.build().await.unwrap_err();
    let fault = error.faults().iter().find(|fault| fault.starts_with("aggregates")).unwrap();
    says(fault, &["hotel::Room", "theatre::RehearsalRoom", "both named \"room\"", "name = \"other_room\""]);
}

#[tokio::test]
async fn a_missing_service_is_named_with_who_needs_it() {
    let needs_stage = app().aggregate::<theatre::RehearsalRoom>().service(Arc::new(theatre::Lights));
    says(&fault(needs_stage).await, &["Book", "room", "&dyn Stage", ".service::<dyn Stage>(Arc::new(..))"]);
    let error = app().aggregate::<theatre::RehearsalRoom>().build().await.unwrap_err();
    assert_eq!(error.faults().len(), 2, "{error}");
}

#[tokio::test]
async fn every_fault_is_listed_at_once() {
    let builder =
        app().aggregate::<hotel::Room>().aggregate::<theatre::Seat>().aggregate::<theatre::RehearsalRoom>();
    let error = builder.build().await.unwrap_err();
    // Two services, an aggregate's name, an event's name, a command's name.
    assert_eq!(error.faults().len(), 5, "{error}");
    for fault in error.faults() {
        assert!(error.to_string().contains(fault.as_str()));
    }
}

#[tokio::test]
async fn what_is_not_mounted_is_not_asked_about() {
    // The names that clash, and the services that are missing, are all in this binary.
    app().aggregate::<hotel::Room>().build().await.unwrap();
    let errand: Arc<dyn Errand> = Arc::new(NoErrand);
    app().aggregate::<Account>().aggregate::<Account>().service(errand).build().await.unwrap();
}
