//! What `#[reactor]` makes of methods, run by hand: events in, commands and timers out.
#![allow(missing_docs)]

mod shop;

use es_core::__testing::{Call, Due, Issued, IssuedCommand, Wish, context, services};
use es_core::prelude::*;
use es_core::serde_json::{Value, json};
use es_core::store::MemoryStore;
use es_core::{React, Reactor};
use shop::*;
use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

type Failed = Box<dyn Error + Send + Sync>;

fn event<E: Event>(stream: &str, event: &E) -> RawEvent {
    RawEvent {
        name: Cow::Borrowed(E::NAME),
        schema: E::VERSION,
        position: Position(7),
        payload: Some(es_core::serde_json::to_vec(event).unwrap().into()),
        envelope: Envelope {
            id: Uuid::from_u128(1),
            stream: StreamId::of(
                stream.split_once('-').unwrap().0,
                &stream.split_once('-').unwrap().1.to_owned(),
            ),
            version: 3,
            recorded_at: Timestamp::UNIX_EPOCH,
            metadata: Arc::default(),
        },
    }
}

fn app(mailbox: &Arc<Mailbox>) -> App {
    let mailer: Arc<dyn Mailer> = mailbox.clone();
    let built = async {
        App::builder(MemoryStore::new())
            .aggregate::<Cart>()
            .service(mailer)
            .service(Arc::new(Rates(3)))
            .build()
            .await
    };
    run(built).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn method<R: React>(name: &str) -> &'static es_core::__private::ReactorMethod<R> {
    R::METHODS.iter().find(|method| method.name == name).unwrap()
}

/// The keys that a method finds in an event.
fn keys<R: React>(name: &str, event: &RawEvent) -> Result<Vec<R::Key>, IdError> {
    let method = method::<R>(name);
    let message = (method.read)(event).unwrap();
    (method.keys)(&*message, event)
}

/// Runs a method on a state, for a key.
fn react<R: React>(
    name: &str,
    state: &mut Option<R>,
    key: &R::Key,
    event: &RawEvent,
) -> Result<Vec<Wish>, Failed> {
    let message = (method::<R>(name).read)(event).unwrap();
    answer(name, state, key, &*message, event, &Arc::default())
}

fn answer<R: React>(
    name: &str,
    state: &mut Option<R>,
    key: &R::Key,
    message: &(dyn Any + Send + Sync),
    event: &RawEvent,
    mailbox: &Arc<Mailbox>,
) -> Result<Vec<Wish>, Failed> {
    let app = app(mailbox);
    let services = services(&app);
    let context = context(CommandId::named("event"), Timestamp::UNIX_EPOCH, 2);
    let services = services.get().unwrap();
    let call = Call { state, message, event, key, context: &context, app: &app, services };
    let Issued { wishes, fault } = run((method::<R>(name).run)(call))?;
    assert_eq!(fault, None);
    Ok(wishes)
}

fn command(name: &str, fields: Value) -> Wish {
    Wish::Command(issued(name, fields))
}

fn issued(name: &str, fields: Value) -> IssuedCommand {
    IssuedCommand { name: name.to_owned(), fields }
}

fn added(price: u64) -> RawEvent {
    event("cart-ann", &Added { price, tags: vec!["red".into(), "new".into()] })
}

fn ann() -> CartId {
    CartId("ann".into())
}

#[test]
fn a_declaration_says_what_it_was_told() {
    let spec = Offer::SPEC;
    assert_eq!((Offer::NAME, Offer::VERSION), ("offer", 2));
    assert_eq!(spec.retry, RetryPolicy::REACTOR);
    assert_eq!(format!("{:?} {:?}", spec.from, spec.on_failure), "Start Skip");
    assert_ne!(spec.fingerprint, Total::SPEC.fingerprint);
    let mail = Mail::SPEC;
    assert_eq!(Mail::NAME, "thank_you_mail");
    assert_eq!(format!("{:?} {:?}", mail.from, mail.on_failure), "Now Park");
    assert_eq!(mail.retry, RetryPolicy::REACTOR.max(1));
    assert!(mail.state.is_none());
    assert_eq!(mail.fingerprint, 0);
}

#[test]
fn a_state_comes_back_from_its_bytes() {
    let codec = Offer::SPEC.state.unwrap();
    let offer = Offer { articles: 2, offered: true };
    let bytes = (codec.encode)(&offer).unwrap();
    assert_eq!((codec.decode)(&bytes).unwrap(), offer);
}

#[test]
fn a_state_begins_empty_and_is_changed() {
    let mut state = None;
    for _ in 0..2 {
        assert_eq!(react("added", &mut state, &ann(), &added(5)).unwrap(), []);
    }
    let offered = react("added", &mut state, &ann(), &added(5)).unwrap();
    assert_eq!(offered, [command("OfferPromotion", json!({ "cart": "ann", "worth": 1 }))]);
    assert_eq!(state, Some(Offer { articles: 3, offered: true }));
}

#[test]
fn a_method_that_takes_self_ends_the_key() {
    let mut state = Some(Offer { articles: 3, offered: true });
    let wishes = react("bought", &mut state, &ann(), &event("cart-ann", &Bought)).unwrap();
    assert_eq!(wishes, [command("OfferPromotion", json!({ "cart": "ann", "worth": 3 }))]);
    assert_eq!(state, None);
    // Without a state there is an empty one to end.
    assert_eq!(react("bought", &mut state, &ann(), &event("cart-ann", &Bought)).unwrap().len(), 1);
}

#[test]
fn timers_are_set_named_and_cancelled() {
    let mut state = None::<Reminder>;
    let remind = || issued("Remind", json!({ "cart": "ann" }));
    let hour = Due::After(Duration::from_hours(1));
    let wishes = react("added", &mut state, &ann(), &added(5)).unwrap();
    let at = Due::At(Timestamp::UNIX_EPOCH);
    assert_eq!(
        wishes,
        [
            Wish::SetTimer { name: "remind".into(), due: hour, command: remind() },
            Wish::SetTimer { name: "Remind".into(), due: at, command: remind() },
        ]
    );
    let wishes = react("bought", &mut state, &ann(), &event("cart-ann", &Bought)).unwrap();
    let worth = |worth: u64| command("OfferPromotion", json!({ "cart": "ann", "worth": worth }));
    assert_eq!(wishes, [Wish::CancelTimer { name: "remind".into() }, worth(1), worth(2)]);
}

#[test]
fn commands_of_any_kind_keep_their_order() {
    let wishes = react("added", &mut None::<Mixed>, &ann(), &added(2)).unwrap();
    let names: Vec<_> = wishes
        .iter()
        .map(|wish| match wish {
            Wish::Command(command) => command.name.clone(),
            Wish::SetTimer { name, .. } => format!("set {name}"),
            Wish::CancelTimer { name } => format!("cancel {name}"),
        })
        .collect();
    assert_eq!(names, ["OfferPromotion", "cancel old", "set Remind", "Remind"]);
}

#[test]
fn a_method_says_what_it_can_issue() {
    fn issues<R: React>(name: &str) -> (Vec<&'static str>, bool) {
        let mut names = Vec::new();
        let known = (method::<R>(name).issues)(&mut names);
        (names, known)
    }
    assert_eq!(issues::<Offer>("added"), (vec!["OfferPromotion"], true));
    assert_eq!(issues::<Reminder>("added"), (vec!["Remind", "Remind"], true));
    assert_eq!(issues::<Mixed>("added"), (vec![], false));
    assert_eq!(issues::<Mail>("bought"), (vec![], true));
}

#[test]
fn a_key_is_the_streams_id_where_nothing_else_is_said() {
    assert_eq!(keys::<Offer>("added", &added(1)).unwrap(), [ann()]);
    assert_eq!(keys::<Total>("added", &added(1)).unwrap(), [()]);
    let stream = keys::<Mail>("bought", &event("cart-ann", &Bought)).unwrap();
    assert_eq!(stream, [StreamId::of("cart", &ann())]);
}

#[test]
fn a_key_that_the_stream_does_not_hold_is_an_error() {
    let failed = keys::<ByNumber>("streams", &added(1)).unwrap_err();
    assert_eq!(failed.to_string(), "stream cart-ann does not hold an id of type u64");
}

#[test]
fn a_key_is_what_its_expression_gives() {
    let event = added(8);
    assert_eq!(keys::<ByNumber>("plain", &event).unwrap(), [8]);
    assert_eq!(keys::<ByNumber>("borrowed", &event).unwrap(), [8]);
    assert_eq!(keys::<ByNumber>("perhaps", &event).unwrap(), [4]);
    assert_eq!(keys::<ByNumber>("perhaps", &added(7)).unwrap(), [0_u64; 0]);
    assert_eq!(keys::<ByNumber>("each", &event).unwrap(), [3, 3]);
    assert_eq!(keys::<ByNumber>("by_envelope", &event).unwrap(), [3]);
    assert_eq!(keys::<ByNumber>("raw", &event).unwrap(), [7]);
}

#[test]
fn parameters_are_found_by_their_types() {
    // The key beside the stream's id, the envelope between them.
    let wishes = react("by_envelope", &mut None::<ByNumber>, &3, &added(8)).unwrap();
    assert_eq!(wishes, [command("OfferPromotion", json!({ "cart": "ann", "worth": 6 }))]);
}

#[test]
fn effects_take_services_ids_context_and_app() {
    let (mailbox, bought) = (Arc::new(Mailbox::default()), event("cart-ann", &Bought));
    let stream = StreamId::of("cart", &ann());
    let message = (method::<Mail>("bought").read)(&bought).unwrap();
    let wishes = answer::<Mail>("bought", &mut None, &stream, &*message, &bought, &mailbox).unwrap();
    assert_eq!(wishes, []);
    let id: Uuid = context::<Mail>(CommandId::named("event"), Timestamp::UNIX_EPOCH, 2).new_id();
    let sent = mailbox.sent();
    assert_eq!(sent, [format!("ann at cart-ann, version 3, rate 3, attempt 2, {id}, no cart")]);
}

#[test]
fn a_method_says_which_services_it_needs() {
    let mut needs = Vec::new();
    (method::<Mail>("bought").services)(&mut needs);
    let shown = format!("{needs:?}");
    assert!(shown.contains("\"dyn Mailer\"") && shown.contains("\"Rates\""), "{shown}");
    // Neither the id nor the stream is a service.
    assert_eq!(needs.len(), 2, "{shown}");
}

#[test]
fn an_error_is_the_methods_own() {
    let failed = react("added", &mut None::<Mail>, &StreamId::of("cart", &ann()), &added(1)).unwrap_err();
    assert_eq!(failed.to_string(), "no mail today");
    assert!(failed.downcast_ref::<MailError>().is_some());
}

#[test]
fn an_id_that_a_method_asks_for_in_vain_is_an_error() {
    let other = event("lamp-7", &Added { price: 1, tags: Vec::new() });
    let failed = react("plain", &mut None::<ByNumber>, &3, &other);
    assert!(failed.is_ok(), "it asks for nothing");
    let seat = react("seat", &mut None::<Seats>, &StreamId::of("cart", &ann()), &added(1)).unwrap_err();
    assert!(seat.downcast_ref::<IdError>().is_some(), "{seat}");
}

#[test]
fn a_refusal_is_taken_by_the_method_for_it() {
    let method = method::<Offer>("refused");
    assert!(method.execute.is_some());
    assert!((method.read)(&added(1)).is_err());
    assert_eq!((method.keys)(&(), &added(1)).unwrap(), []);
    let command = OfferPromotion { cart: ann(), worth: 1 };
    let refused = Refused { command, error: CommandError::Rejected(CartError::Full) };
    let mut state = Some(Offer { articles: 3, offered: true });
    let wishes = answer("refused", &mut state, &ann(), &refused, &added(1), &Arc::default()).unwrap();
    assert_eq!(wishes, [crate::command("Remind", json!({ "cart": "ann" }))]);
    assert_eq!(state, Some(Offer { articles: 3, offered: false }));
}

#[test]
fn a_refusable_command_is_executed_and_its_refusal_kept() {
    let execute = method::<Offer>("refused").execute.unwrap();
    let app = app(&Arc::default());
    let said = |worth: u64| {
        let fields = json!({ "cart": "ann", "worth": worth });
        match run(execute(app.clone(), fields, es_core::__private::Options::default())) {
            es_core::__private::Executed::Done => "done".to_owned(),
            es_core::__private::Executed::Refused(message, said) => {
                let refused = message.downcast_ref::<Refused<OfferPromotion>>().unwrap();
                assert_eq!(refused.command.worth, worth);
                said
            }
            es_core::__private::Executed::Failed(error) => error.to_string(),
            _ => "the store does not answer, or is ahead of this code".to_owned(),
        }
    };
    assert_eq!(said(1), "done");
    assert_eq!(said(100), "the cart is full");
}

#[test]
fn the_model_has_the_edges_from_events_to_commands() {
    use es_core::model::Trigger;
    let model = es_core::model();
    let offer = model.reactor("offer").unwrap();
    assert_eq!((offer.path, offer.version), ("reacts::shop::Offer", 2));
    let edges: Vec<_> = offer.reactions().map(|edge| (edge.on, edge.issues.clone(), edge.known)).collect();
    assert_eq!(
        edges,
        [
            (Trigger::Event("cart.added"), vec!["OfferPromotion"], true),
            (Trigger::Event("Bought"), vec!["OfferPromotion"], true),
            (Trigger::Refused("OfferPromotion"), vec!["Remind"], true),
        ]
    );
    let mixed: Vec<_> = model.reactor("mixed").unwrap().reactions().map(|edge| edge.known).collect();
    assert_eq!(mixed, [false]);
    let mail = model.reactor("thank_you_mail").unwrap().reactions().next().unwrap();
    assert_eq!(mail.services, ["dyn Mailer", "Rates"]);
}

#[test]
fn the_export_has_the_reactors() {
    let model = es_core::model();
    let json: Value = es_core::serde_json::from_str(&model.to_json()).unwrap();
    let reactors = json["reactors"].as_array().unwrap();
    let offer = reactors.iter().find(|reactor| reactor["name"] == "offer").unwrap();
    assert_eq!(offer["reactions"][0]["on"], json!({ "event": "cart.added" }));
    assert_eq!(offer["reactions"][2]["on"], json!({ "refused": "OfferPromotion" }));
    assert_eq!(offer["reactions"][0]["issues"], json!(["OfferPromotion"]));
}

#[test]
fn the_chart_leads_from_events_through_reactors_to_commands() {
    let model = es_core::model();
    let chart = model.to_mermaid();
    let at = model.reactors().position(|reactor| reactor.name == "offer").unwrap();
    for line in [
        format!("  subgraph r{at}[\"offer\"]\n    r{at}m0[/\"added\"/]\n"),
        format!("  a0e0 -.-> r{at}m0\n  r{at}m0 -.-> a0c0\n"),
        format!("  a0c0 -. refused .-> r{at}m2\n  r{at}m2 -.-> a0c1\n"),
    ] {
        assert!(chart.contains(&line), "{line} is not in\n{chart}");
    }
    assert!(chart.contains("\"added, issues any command\"") && chart.contains("\"raw, on any event\""));
}

#[test]
fn a_check_finds_reactors_that_share_a_name() {
    use es_core::model::Finding;
    let types = vec!["reacts::shop::Seats", "reacts::shop::twin::Rows"];
    let shared = Finding::SharedReactorName { name: "seats", types };
    assert_eq!(
        shared.to_string(),
        "reactors reacts::shop::Seats and reacts::shop::twin::Rows share the name \"seats\""
    );
    assert!(es_core::model().check().contains(&shared));
}

/// Reactors are values like any other.
#[test]
fn a_reactor_has_the_derives_of_its_role() {
    fn shown<T: Clone + Debug + Default>() -> String {
        format!("{:?}", T::default().clone())
    }
    assert_eq!(shown::<Offer>(), "Offer { articles: 0, offered: false }");
    assert_eq!(shown::<Mail>(), "Mail");
}
