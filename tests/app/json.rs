//! Commands by name, from JSON.

use crate::bank::{AccountError, ann, bank, opened, replayed};
use crate::kit::Place;
use es_core::prelude::*;
use es_core::serde_json::json;

on_every_store! {
    a_command_by_name_does_the_same
    an_unknown_name_lists_the_known_ones
    what_does_not_fit_names_the_field
    a_refusal_is_the_handlers_own_error
    what_is_said_with_a_command_is_said_with_json
}

async fn a_command_by_name_does_the_same(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 100).await;
    let answer = app.execute_json("Withdraw", json!({ "account": "ann", "amount": 30 })).await.unwrap();
    let expected = json!({
        "reply": { "left": 70 },
        "events": ["MoneyWithdrawn"],
        "version": 3,
        "position": place.positions().await[2].0,
        "attempts": 1,
        "duplicate": false,
    });
    assert_eq!(answer, expected);
    assert_eq!(replayed(&place, &ann()).await, Some(70));
}

async fn an_unknown_name_lists_the_known_ones(place: Place) {
    let app = bank(place.open().await).await;
    let refused = app.execute_json("Withdrw", json!({})).await.unwrap_err();
    let DispatchError::UnknownCommand { name, known } = refused else { panic!("{refused}") };
    assert_eq!((name.as_str(), &known), ("Withdrw", &app.commands()));
    assert!(known.is_sorted() && known.contains(&"Withdraw"));
    // What is linked and not mounted is unknown here.
    assert!(!known.contains(&"Increment"));
}

#[value]
pub struct Line {
    pub pieces: u32,
}
#[command(Parcel)]
pub struct Pack {
    #[id]
    pub parcel: u32,
    pub lines: Vec<Line>,
}
#[event]
pub struct Packed {
    pub lines: Vec<Line>,
}
#[aggregate(id = u32, default)]
#[derive(Default)]
pub struct Parcel {
    pieces: u32,
}
#[applier]
impl Parcel {
    fn packed(&mut self, e: &Packed) {
        self.pieces += e.lines.iter().map(|line| line.pieces).sum::<u32>();
    }
}
#[command_handler]
impl Parcel {
    fn pack(&self, command: Pack) -> Packed {
        Packed { lines: command.lines }
    }
}

async fn what_does_not_fit_names_the_field(place: Place) {
    let app = App::builder(place.open().await).aggregate::<Parcel>().build().await.unwrap();
    let lines = json!({ "parcel": 1, "lines": [{ "pieces": 1 }, { "pieces": "many" }] });
    let refused = app.execute_json("Pack", lines).await.unwrap_err();
    let DispatchError::Malformed { command, reason } = &refused else { panic!("{refused}") };
    assert_eq!(*command, "Pack");
    assert!(reason.starts_with("lines[1].pieces: "), "{reason}");
    assert!(refused.to_string().starts_with("Pack: lines[1].pieces: "), "{refused}");
    let refused = app.execute_json("Pack", json!({ "lines": [] })).await.unwrap_err();
    assert!(refused.to_string().contains("`parcel`"), "{refused}");
    app.execute_json("Pack", json!({ "parcel": 1, "lines": [{ "pieces": 2 }] })).await.unwrap();
    assert_eq!(app.load::<Parcel>(&1).await.unwrap().unwrap().pieces, 2);
}

async fn a_refusal_is_the_handlers_own_error(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 10).await;
    let refused = app.execute_json("Withdraw", json!({ "account": "ann", "amount": 30 })).await.unwrap_err();
    assert_eq!(refused.to_string(), "10 is not enough");
    let DispatchError::Command(CommandError::Rejected(refused)) = refused else { panic!("{refused}") };
    assert_eq!(refused.downcast_ref(), Some(&AccountError::Overdraft { available: 10 }));
    let refused = app.execute_json("Withdraw", json!({ "account": "bob", "amount": 30 })).await.unwrap_err();
    assert!(matches!(refused, DispatchError::Command(CommandError::NotFound { .. })), "{refused}");
}

async fn what_is_said_with_a_command_is_said_with_json(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 100).await;
    let id = CommandId::named("stripe:evt_1");
    let withdraw = || app.execute_json("Withdraw", json!({ "account": "ann", "amount": 30 }));
    let first = withdraw().id(id).by("ann").expect_version(2).await.unwrap();
    let again = withdraw().id(id).await.unwrap();
    assert_eq!(
        (&again["reply"], &again["version"], &again["duplicate"]),
        (&first["reply"], &json!(3), &json!(true))
    );
    let refused = withdraw().expect_version(2).await.unwrap_err();
    assert!(matches!(refused, DispatchError::Command(CommandError::Conflict { .. })), "{refused}");
    let history = app.history::<crate::bank::Account>(&ann()).await.unwrap();
    assert_eq!(history[2].envelope.metadata.actor.as_deref(), Some("ann"));
}
