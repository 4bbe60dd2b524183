//! What may be done to history: redact, truncate, close.

use crate::bank::{
    Account, AccountError, AccountEvent, CloseAccount, MoneyWithdrawn, ann, balance, bank, bob, deposit,
    newcomer, open, opened, replayed, stream, withdraw,
};
use crate::kit::Place;
use crate::probe::{Fate, Probe};
use es_core::prelude::*;

on_every_store! {
    a_redacted_event_is_folded_over_and_keeps_its_version
    a_redaction_takes_payload_and_reply
    a_birth_and_an_end_cannot_be_redacted
    what_is_redacted_twice_is_redacted_once
    a_redaction_reaches_every_cache
    a_command_is_decided_again_on_what_a_redaction_left
    a_group_is_decided_again_on_what_a_redaction_left
    a_command_that_runs_during_a_redaction_is_decided_again
    a_redaction_drops_snapshots
    an_edit_between_two_pages_begins_anew
    a_truncation_must_leave_a_birth
    a_truncation_hides_from_the_stream_only
    a_default_cannot_be_truncated
    a_closed_stream_is_ended_in_every_app
    an_edit_needs_to_know_the_aggregate
}

/// Ann's account with 100 and then 20 less: versions 1 to 3.
async fn used(place: &Place) -> App {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 100).await;
    app.execute(withdraw(ann(), 20)).id(CommandId::named("cash")).await.unwrap();
    app
}

async fn event_id(app: &App, version: usize) -> Uuid {
    app.history::<Account>(&ann()).await.unwrap()[version - 1].envelope.id
}

async fn a_redacted_event_is_folded_over_and_keeps_its_version(place: Place) {
    let app = used(&place).await;
    let withdrawal = event_id(&app, 3).await;
    assert!(app.redact(withdrawal, "asked for").await.unwrap());
    let account = app.load::<Account>(&ann()).await.unwrap().unwrap();
    assert_eq!((account.balance, account.version()), (100, 3));
    let done = app.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!((done.version, done.state.unwrap().balance), (4, 101));
    let history = app.history::<Account>(&ann()).await.unwrap();
    let versions: Vec<_> = history.iter().map(|recorded| recorded.envelope.version).collect();
    assert_eq!(versions, [1, 2, 4]);
    assert_eq!(replayed(&place, &ann()).await, Some(101));
    let then = app.load_as_of::<Account>(&ann(), AsOf::Version(3)).await.unwrap().unwrap();
    assert_eq!(then.balance, 100);
}

async fn a_redaction_takes_payload_and_reply(place: Place) {
    let app = used(&place).await;
    let withdrawal = event_id(&app, 3).await;
    app.redact(withdrawal, "asked for").await.unwrap();
    let stored = place.stored(&stream(&ann())).await.remove(2);
    assert_eq!((stored.payload, stored.version), (None, 3));
    let metadata = String::from_utf8(stored.metadata.to_vec()).unwrap();
    assert!(!metadata.contains("left") && metadata.contains("asked for"), "{metadata}");
    // It is still known that the command was carried out, and that its answer is gone.
    let refused = app.execute(withdraw(ann(), 20)).id(CommandId::named("cash")).await.unwrap_err();
    assert!(refused.to_string().contains("its reply was redacted"), "{refused}");
    assert_eq!(place.stored(&stream(&ann())).await.len(), 3);
}

async fn a_birth_and_an_end_cannot_be_redacted(place: Place) {
    let app = used(&place).await;
    let birth = event_id(&app, 1).await;
    let refused = app.redact(birth, "asked for").await.unwrap_err();
    assert!(
        matches!(&refused, EditError::Breaks { stream, .. } if stream.as_str() == "account-ann"),
        "{refused}"
    );
    app.execute(CloseAccount { account: ann() }).await.unwrap();
    let end = event_id(&app, 4).await;
    assert!(matches!(app.redact(end, "asked for").await.unwrap_err(), EditError::Breaks { .. }));
    // Alone on its stream, a birth is one, too.
    app.execute(open(bob())).await.unwrap();
    let birth = app.history::<Account>(&bob()).await.unwrap()[0].envelope.id;
    assert!(matches!(app.redact(birth, "asked for").await.unwrap_err(), EditError::Breaks { .. }));
    assert!(place.stored(&stream(&ann())).await.iter().all(|event| event.payload.is_some()));
}

async fn what_is_redacted_twice_is_redacted_once(place: Place) {
    let app = used(&place).await;
    let withdrawal = event_id(&app, 3).await;
    assert!(app.redact(withdrawal, "asked for").await.unwrap());
    assert!(!app.redact(withdrawal, "asked for again").await.unwrap());
    let stored = place.stored(&stream(&ann())).await.remove(2);
    assert!(!String::from_utf8_lossy(&stored.metadata).contains("again"));
    let nobody = Uuid::now_v7();
    assert!(matches!(app.redact(nobody, "").await.unwrap_err(), EditError::NoSuchEvent(id) if id == nobody));
}

async fn a_redaction_reaches_every_cache(place: Place) {
    let (app, other) = (used(&place).await, bank(place.open().await).await);
    assert_eq!(balance(&other, &ann()).await, Some(80));
    let withdrawal = event_id(&app, 3).await;
    app.redact(withdrawal, "asked for").await.unwrap();
    // Its version is the one that both have cached.
    assert_eq!(balance(&other, &ann()).await, Some(100));
    assert_eq!(other.execute(withdraw(ann(), 90)).await.unwrap().reply.left, 10);

    // What an app does before it hears of it is not what it remembers.
    let third = bank(place.open().await).await;
    assert_eq!(balance(&third, &ann()).await, Some(10));
    let withdrawal = app.history::<Account>(&ann()).await.unwrap().pop().unwrap();
    assert_eq!(withdrawal.data, AccountEvent::MoneyWithdrawn(MoneyWithdrawn { amount: 90 }));
    app.redact(withdrawal.envelope.id, "asked for").await.unwrap();
    third.execute(deposit(ann(), 1)).await.unwrap();
    let done = third.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!(done.state.unwrap().balance, 102);
    assert_eq!(replayed(&place, &ann()).await, Some(102));
}

/// Somebody who remembers a deposit of 100 that another process has redacted since, and their store.
async fn redacted_elsewhere(place: &Place) -> (App, Probe) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 100).await;
    let other = bank(place.open().await).await;
    other.redact(event_id(&app, 2).await, "asked for").await.unwrap();
    store.counted();
    (app, store)
}

async fn a_command_is_decided_again_on_what_a_redaction_left(place: Place) {
    let (app, store) = redacted_elsewhere(&place).await;
    let refused = app.execute(withdraw(ann(), 60)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(AccountError::Overdraft { available: 0 })), "{refused}");
    assert_eq!(store.counted().conflicts, 1);
    assert_eq!(place.names(&stream(&ann())).await, ["AccountOpened", "MoneyDeposited"]);
    // From here on it is known.
    let done = app.execute(deposit(ann(), 5)).await.unwrap();
    assert_eq!((done.attempts, done.state.unwrap().balance), (1, 5));
}

async fn a_group_is_decided_again_on_what_a_redaction_left(place: Place) {
    let (app, store) = redacted_elsewhere(&place).await;
    let refused = app.execute_all((open(bob()), withdraw(ann(), 60))).await.unwrap_err();
    assert!(refused.to_string().contains("0 is not enough"), "{refused}");
    assert_eq!(store.counted().conflicts, 1);
    assert_eq!(place.names(&stream(&ann())).await, ["AccountOpened", "MoneyDeposited"]);
    assert!(place.stored(&stream(&bob())).await.is_empty());
}

async fn a_command_that_runs_during_a_redaction_is_decided_again(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 100).await;
    let (other, event) = (bank(place.open().await).await, event_id(&app, 2).await);
    let redaction = async move {
        other.redact(event, "asked for").await.unwrap();
    };
    store.fates([Fate::After(Box::pin(redaction))]);
    let done = app.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!((done.attempts, done.state.unwrap().balance), (2, 1));
}

mod shelf {
    use es_core::prelude::*;

    #[event]
    pub struct Shelved {
        pub book: String,
    }
    #[command(Shelf)]
    pub struct Shelve {
        #[id]
        pub shelf: u32,
        pub books: Vec<String>,
    }
    #[aggregate(id = u32, default, snapshot(every = 2))]
    #[derive(Default)]
    pub struct Shelf {
        pub books: Vec<String>,
    }
    #[applier]
    impl Shelf {
        fn shelved(&mut self, e: &Shelved) {
            self.books.push(e.book.clone());
        }
    }
    #[command_handler]
    impl Shelf {
        fn shelve(&self, command: Shelve) -> Vec<Shelved> {
            command.books.into_iter().map(|book| Shelved { book }).collect()
        }
    }
}
use shelf::{Shelf, Shelve};

async fn shelved(place: &Place) -> App {
    let app = App::builder(place.open().await).aggregate::<Shelf>().build().await.unwrap();
    let books = ["Emma", "Ulysses", "Dune"].map(str::to_owned).to_vec();
    app.execute(Shelve { shelf: 1, books }).await.unwrap();
    app
}

async fn a_redaction_drops_snapshots(place: Place) {
    let app = shelved(&place).await;
    let ulysses = app.history::<Shelf>(&1).await.unwrap()[1].envelope.id;
    app.redact(ulysses, "banned").await.unwrap();
    // Nothing but the log has to be asked to forget.
    let store = place.open().await;
    let fresh = App::builder(store.clone()).aggregate::<Shelf>().build().await.unwrap();
    assert_eq!(fresh.load::<Shelf>(&1).await.unwrap().unwrap().books, ["Emma", "Dune"]);
    assert_eq!(store.counted().reads, [0]);
    let then = fresh.load_as_of::<Shelf>(&1, AsOf::Version(3)).await.unwrap().unwrap();
    assert_eq!(then.books, ["Emma", "Dune"]);
}

async fn an_edit_between_two_pages_begins_anew(place: Place) {
    let app = App::builder(place.open().await).aggregate::<Shelf>().build().await.unwrap();
    for books in [999, 999] {
        let books = vec!["Emma".to_owned(); books];
        app.execute(Shelve { shelf: 1, books }).await.unwrap();
    }
    let first = app.history::<Shelf>(&1).await.unwrap().remove(0).envelope.id;
    let store = place.open().await;
    store.snapshots(crate::probe::Snapshots::Failing);
    let redaction = async move {
        app.redact(first, "banned").await.unwrap();
    };
    store.before_reads([Box::pin(async {}) as crate::probe::Elsewhere, Box::pin(redaction)]);
    let fresh = App::builder(store.clone()).aggregate::<Shelf>().build().await.unwrap();
    assert_eq!(fresh.load::<Shelf>(&1).await.unwrap().unwrap().books.len(), 1_997);
    assert_eq!(store.counted().reads, [0, 1_000, 0, 1_000]);
}

async fn a_truncation_must_leave_a_birth(place: Place) {
    let app = used(&place).await;
    for version in [2, 3, 4, 99] {
        let refused = app.truncate(&stream(&ann()), version).await.unwrap_err();
        assert!(matches!(refused, EditError::Breaks { .. }), "{version}: {refused}");
    }
    for nothing in [0, 1] {
        app.truncate(&stream(&ann()), nothing).await.unwrap();
    }
    assert_eq!(place.stored(&stream(&ann())).await.len(), 3);
}

/// A ledger that begins anew with each year's balance.
mod ledger {
    use es_core::prelude::*;

    #[event]
    pub struct Carried {
        pub balance: u64,
    }
    #[event]
    pub struct Booked {
        pub amount: u64,
    }
    #[aggregate(id = u32)]
    pub struct Ledger {
        pub balance: u64,
    }
    #[command(Ledger)]
    pub struct Carry {
        #[id]
        pub ledger: u32,
        pub balance: u64,
    }
    #[applier]
    impl Ledger {
        fn carried(e: &Carried) -> Self {
            Ledger { balance: e.balance }
        }
        fn booked(&mut self, e: &Booked) {
            self.balance += e.amount;
        }
    }
    #[command_handler]
    impl Ledger {
        fn carry(command: Carry) -> (Carried, Booked) {
            (Carried { balance: command.balance }, Booked { amount: 1 })
        }
    }
}

async fn a_truncation_hides_from_the_stream_only(place: Place) {
    use es_core::store::{Commit, EventSearch, EventStore as _, Expected, NewEvent};
    use ledger::{Carry, Ledger};
    let store = place.open().await;
    // Something older, which only a truncation makes readable.
    let older = NewEvent {
        id: Uuid::now_v7(),
        name: "Booked".into(),
        schema: 1,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: r#"{"amount":5}"#.into(),
        metadata: "{}".into(),
    };
    let id = older.id;
    let ledger = Ledger::stream(&1);
    store.append(Commit::one(ledger.clone(), Expected::NoStream, vec![older])).await.unwrap();
    store.truncate_stream(&ledger, Expected::Any, 2).await.unwrap();
    let app = App::builder(store.clone()).aggregate::<Ledger>().build().await.unwrap();
    // The version that is hidden stays taken.
    let refused = app.execute(Carry { ledger: 1, balance: 7 }).await.unwrap_err();
    assert!(matches!(refused, CommandError::AlreadyExists { .. }), "{refused}");
    assert!(app.history::<Ledger>(&1).await.unwrap().is_empty());
    assert!(store.find_event(EventSearch::of(id)).await.unwrap().is_some());
    let page = store.read_log(Position(0), &es_core::store::Filter::default(), 10).await.unwrap();
    assert_eq!(page.events.len(), 1);
}

async fn a_default_cannot_be_truncated(place: Place) {
    let app = shelved(&place).await;
    let refused = app.truncate(&Shelf::stream(&1), 2).await.unwrap_err();
    assert!(matches!(refused, EditError::Breaks { .. }), "{refused}");
    assert_eq!(app.load::<Shelf>(&1).await.unwrap().unwrap().books.len(), 3);
}

async fn a_closed_stream_is_ended_in_every_app(place: Place) {
    let (app, other) = (used(&place).await, bank(place.open().await).await);
    assert_eq!(balance(&other, &ann()).await, Some(80));
    app.close(&stream(&ann()), "moved").await.unwrap();
    app.close(&stream(&ann()), "moved again").await.unwrap();
    for app in [&app, &other, &newcomer(&place).await] {
        assert_eq!(balance(app, &ann()).await, None);
        let refused = app.would(&deposit(ann(), 1)).await.unwrap_err();
        assert!(matches!(refused, CommandError::Ended { .. }), "{refused}");
        assert_eq!(app.history::<Account>(&ann()).await.unwrap().len(), 3);
    }
}

async fn an_edit_needs_to_know_the_aggregate(place: Place) {
    let app = used(&place).await;
    let refused = app.truncate(&StreamId::named("nothing-1"), 2).await.unwrap_err();
    assert!(matches!(&refused, EditError::NotMounted(name) if name == "nothing"), "{refused}");
    let event = event_id(&app, 2).await;
    let stranger = App::builder(place.open().await).aggregate::<Shelf>().build().await.unwrap();
    let refused = stranger.redact(event, "asked for").await.unwrap_err();
    assert!(matches!(&refused, EditError::NotMounted(name) if name == "account"), "{refused}");
}
