//! What older and newer code wrote, on every path that reads it.

use crate::kit::{Place, second};
use es_core::prelude::*;
use es_core::store::{Commit, Expected, NewEvent};

on_every_store! {
    every_path_reads_an_old_shape_as_the_newest
    every_path_names_an_unknown_event
    every_path_names_a_newer_event
    every_path_names_the_field_that_cannot_be_read
    every_path_names_a_broken_order
    a_former_name_is_read_under_the_new_one
    a_retired_event_is_in_the_history_and_not_in_the_fold
    a_retired_event_may_still_have_an_applier
    nothing_is_appended_behind_what_cannot_be_read
}

#[event(name = "wallet.opened")]
pub struct Opened {
    pub owner: String,
}
#[event(name = "wallet.topped-up", version = 1)]
pub struct ToppedUpV1 {
    pub cents: u64,
}
#[event(name = "wallet.topped-up", version = 2, from = ToppedUpV1, alias = "wallet.charged")]
pub struct ToppedUp {
    pub cents: u64,
    pub currency: String,
}
/// Wallets had cards once.
#[event(name = "wallet.card-issued", retired)]
pub struct CardIssued {
    pub number: u64,
}
/// Money given away by hand, which is done no more and still counts.
#[event(name = "wallet.gifted", retired)]
pub struct Gifted {
    pub cents: u64,
}

impl From<ToppedUpV1> for ToppedUp {
    fn from(old: ToppedUpV1) -> Self {
        Self { cents: old.cents, currency: "EUR".into() }
    }
}

#[command(Wallet)]
pub struct TopUp {
    #[id]
    pub wallet: String,
    pub cents: u64,
}

#[aggregate(id = String)]
pub struct Wallet {
    cents: u64,
    currencies: Vec<String>,
}

#[applier]
impl Wallet {
    fn opened(_: &Opened) -> Self {
        Wallet { cents: 0, currencies: Vec::new() }
    }
    fn topped_up(&mut self, e: &ToppedUp) {
        self.cents += e.cents;
        self.currencies.push(e.currency.clone());
    }
    fn gifted(&mut self, e: &Gifted) {
        self.cents += e.cents;
    }
}

#[command_handler]
impl Wallet {
    fn top_up(&self, command: TopUp) -> ToppedUp {
        ToppedUp { cents: command.cents, currency: "EUR".into() }
    }
}

fn wallet() -> String {
    "w".to_owned()
}

type Stored = (&'static str, u16, &'static str);

const OPENED: Stored = ("wallet.opened", 1, r#"{"owner":"Ann"}"#);

/// An app over a wallet that other code has written.
async fn written(place: &Place, stored: &[Stored]) -> App {
    let store = place.open().await;
    let events = stored.iter().zip(0..).map(|((name, schema, payload), n)| NewEvent {
        id: TOP_UP.with(n),
        name: (*name).into(),
        schema: *schema,
        recorded_at: second(1),
        payload: (*payload).into(),
        metadata: r#"{"command":"TopUp"}"#.into(),
    });
    let commit = Commit::one(Wallet::stream(&wallet()), Expected::NoStream, events.collect());
    store.append(commit).await.unwrap();
    App::builder(store).aggregate::<Wallet>().build().await.unwrap()
}

/// Ids that nobody derived.
struct Ids(u128);
const TOP_UP: Ids = Ids(7 << 64);

impl Ids {
    fn with(&self, n: u128) -> Uuid {
        Uuid::from_u128(self.0 + n)
    }
}

fn top_up(cents: u64) -> TopUp {
    TopUp { wallet: wallet(), cents }
}

/// What each path says of a stream that cannot be read.
async fn unreadable(place: &Place, stored: &[Stored]) -> Vec<DecodeError> {
    let app = written(place, stored).await;
    let as_of = AsOf::Version(stored.len() as u64);
    let of_load = |error| match error {
        LoadError::Decode(error) => error,
        other => panic!("{other}"),
    };
    let of_command = |error: CommandError<_>| match error {
        CommandError::<std::convert::Infallible>::Decode(error) => error,
        other => panic!("{other}"),
    };
    let of_group = app.execute_all((top_up(1),)).await.unwrap_err();
    let CommandError::Decode(of_group) = of_group else { panic!("{of_group}") };
    let of_edit = app.truncate(&Wallet::stream(&wallet()), 1).await.unwrap_err();
    let EditError::Decode(of_edit) = of_edit else { panic!("{of_edit}") };
    vec![
        of_load(app.load::<Wallet>(&wallet()).await.unwrap_err()),
        of_load(app.load_as_of::<Wallet>(&wallet(), as_of).await.unwrap_err()),
        of_command(app.execute(top_up(1)).await.unwrap_err()),
        of_command(app.would(&top_up(1)).await.unwrap_err()),
        of_group,
        of_edit,
    ]
}

async fn every_path_reads_an_old_shape_as_the_newest(place: Place) {
    let old = ("wallet.topped-up", 1, r#"{"cents":5}"#);
    let app = written(&place, &[OPENED, old]).await;
    let newest = ToppedUp { cents: 5, currency: "EUR".into() };
    assert_eq!(app.load::<Wallet>(&wallet()).await.unwrap().unwrap().currencies, ["EUR"]);
    let then = app.load_as_of::<Wallet>(&wallet(), AsOf::Version(2)).await.unwrap().unwrap();
    assert_eq!(then.currencies, ["EUR"]);
    let history = app.history::<Wallet>(&wallet()).await.unwrap();
    assert_eq!(history[1].data, WalletEvent::ToppedUp(newest));
    assert_eq!(app.execute(top_up(1)).await.unwrap().state.unwrap().cents, 6);
}

async fn every_path_names_an_unknown_event(place: Place) {
    let app_errors = unreadable(&place, &[OPENED, ("wallet.vanished", 3, "{}")]).await;
    for error in app_errors {
        let DecodeError::Unknown { stream, version, event, schema } = &error else { panic!("{error}") };
        assert_eq!(
            (stream.as_str(), *version, event.as_str(), *schema),
            ("wallet-w", 2, "wallet.vanished", 3)
        );
        let text = error.to_string();
        assert!(
            text.contains("wallet-w") && text.contains("version 2") && text.contains("wallet.vanished"),
            "{text}"
        );
    }
}

async fn every_path_names_a_newer_event(place: Place) {
    for error in unreadable(&place, &[OPENED, ("wallet.topped-up", 9, "{}")]).await {
        let DecodeError::Newer { stream, version, event, schema, known } = &error else { panic!("{error}") };
        assert_eq!((stream.as_str(), *version, event.as_str()), ("wallet-w", 2, "wallet.topped-up"));
        assert_eq!((*schema, *known), (9, 2));
    }
}

async fn every_path_names_the_field_that_cannot_be_read(place: Place) {
    for error in unreadable(&place, &[OPENED, ("wallet.topped-up", 1, r#"{"cents":"many"}"#)]).await {
        let DecodeError::Payload { stream, version, event, schema, reason } = &error else {
            panic!("{error}")
        };
        assert_eq!(
            (stream.as_str(), *version, event.as_str(), *schema),
            ("wallet-w", 2, "wallet.topped-up", 1)
        );
        assert!(reason.starts_with("cents: "), "{reason}");
    }
}

async fn every_path_names_a_broken_order(place: Place) {
    for error in unreadable(&place, &[OPENED, OPENED]).await {
        let DecodeError::CorruptStream { stream, version, event, reason } = &error else { panic!("{error}") };
        assert_eq!((stream.as_str(), *version, event.as_str()), ("wallet-w", 2, "wallet.opened"));
        assert_eq!(*reason, "is a second birth");
    }
}

async fn a_former_name_is_read_under_the_new_one(place: Place) {
    let charged = ("wallet.charged", 2, r#"{"cents":5,"currency":"CHF"}"#);
    let old = ("wallet.charged", 1, r#"{"cents":6}"#);
    let app = written(&place, &[OPENED, charged, old]).await;
    let wallet = app.load::<Wallet>(&wallet()).await.unwrap().unwrap();
    assert_eq!((wallet.cents, wallet.currencies.clone()), (11, vec!["CHF".to_owned(), "EUR".to_owned()]));
}

async fn a_retired_event_is_in_the_history_and_not_in_the_fold(place: Place) {
    let card = ("wallet.card-issued", 1, r#"{"number":42}"#);
    let app = written(&place, &[OPENED, card]).await;
    let loaded = app.load::<Wallet>(&wallet()).await.unwrap().unwrap();
    assert_eq!((loaded.cents, loaded.version()), (0, 2));
    let history = app.history::<Wallet>(&wallet()).await.unwrap();
    let WalletEvent::Retired(retired) = &history[1].data else { panic!("{history:?}") };
    assert_eq!((retired.name(), retired.version()), ("wallet.card-issued", 1));
    assert_eq!(retired.payload()["number"], 42);
    assert_eq!(app.execute(top_up(1)).await.unwrap().version, 3);
}

async fn a_retired_event_may_still_have_an_applier(place: Place) {
    let app = written(&place, &[OPENED, ("wallet.gifted", 1, r#"{"cents":30}"#)]).await;
    assert_eq!(app.load::<Wallet>(&wallet()).await.unwrap().unwrap().cents, 30);
    let history = app.history::<Wallet>(&wallet()).await.unwrap();
    assert_eq!(history[1].data, WalletEvent::Gifted(Gifted { cents: 30 }));
}

async fn nothing_is_appended_behind_what_cannot_be_read(place: Place) {
    unreadable(&place, &[OPENED, ("wallet.vanished", 1, "{}")]).await;
    assert_eq!(place.stored(&Wallet::stream(&wallet())).await.len(), 2);
    let app = App::builder(place.open().await).aggregate::<Wallet>().build().await.unwrap();
    assert!(app.history::<Wallet>(&wallet()).await.is_err());
    // What lies before it can be looked at.
    let then = app.load_as_of::<Wallet>(&wallet(), AsOf::Version(1)).await.unwrap();
    assert_eq!(then.unwrap().version(), 1);
}

#[tokio::test]
async fn a_repeated_command_reads_old_shapes_too() {
    let place = Place::memory();
    let store = place.open().await;
    let app = App::builder(store.clone()).aggregate::<Wallet>().build().await.unwrap();
    // Older code carried the command out: the ids are the same, the shape is not.
    let id = CommandId::named("old");
    written(&place, &[OPENED]).await;
    app.execute(top_up(5)).id(id).await.unwrap();
    let mut stored = place.stored(&Wallet::stream(&wallet())).await;
    let (opened, newest) = (stored.remove(0), stored.remove(0));
    let older = Place::memory();
    let events = [(opened, None), (newest, Some(r#"{"cents":5}"#))].map(|(event, old)| NewEvent {
        id: event.id,
        name: event.name,
        schema: 1,
        recorded_at: event.recorded_at,
        payload: old.map_or_else(|| event.payload.unwrap(), Into::into),
        metadata: event.metadata,
    });
    let commit = Commit::one(Wallet::stream(&wallet()), Expected::NoStream, events.to_vec());
    older.open().await.append(commit).await.unwrap();
    let app = App::builder(older.open().await).aggregate::<Wallet>().build().await.unwrap();
    let again = app.execute(top_up(5)).id(id).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.events, [WalletEvent::ToppedUp(ToppedUp { cents: 5, currency: "EUR".into() })]);
}
