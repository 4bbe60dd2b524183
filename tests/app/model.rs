//! The model as data: what is declared in this binary, and what looks wrong in it.

use es_core::model::{AggregateModel, CommandModel, EventModel, Finding, Model};
use es_core::prelude::*;
use es_core::serde_json::Value;

/// An event that nothing raises, a command that raises nothing, an event that nothing applies.
mod attic {
    use es_core::prelude::*;

    #[event(name = "attic.dusted", version = 3)]
    pub struct Dusted {
        pub by: String,
    }
    #[event(name = "attic.lost")]
    pub struct Lost {}
    #[command(Attic)]
    pub struct Search {
        #[id]
        pub attic: u32,
        pub what: Vec<String>,
    }
    #[aggregate(id = u32, default)]
    #[derive(Default)]
    pub struct Attic {}
    #[applier]
    impl Attic {
        fn dusted(&mut self, _: &Dusted) {}
    }
    #[command_handler]
    impl Attic {
        fn search(&self, _: Search) {}
    }
}

fn model() -> Model {
    es_core::model()
}

fn command<'a>(model: &'a Model, aggregate: &str, name: &str) -> &'a CommandModel {
    model.aggregate(aggregate).unwrap().commands().find(|command| command.name == name).unwrap()
}

fn raises(aggregate: &str, name: &str) -> Vec<&'static str> {
    command(&model(), aggregate, name).raises.clone()
}

#[test]
fn every_form_of_a_decision_is_an_edge() {
    assert_eq!(raises("tree", "Grow"), ["Grown"]);
    assert_eq!(raises("tree", "GrowTwice"), ["Grown", "Watered"], "a tuple, each event once");
    assert_eq!(raises("tree", "GrowMany"), ["Grown"], "an array");
    assert_eq!(raises("tree", "Tend"), ["Watered"], "an option");
    assert_eq!(raises("tree", "AskRain"), ["Watered"], "a result");
    assert_eq!(raises("tree", "Fell"), ["Grown", "Felled"], "a reply");
    assert_eq!(raises("pot", "Save"), ["Saved"], "a list");
    assert!(raises("tree", "Ignore").is_empty());
    let every = ["Planted", "Grown", "Watered", "Felled"];
    assert_eq!(raises("tree", "Whichever"), every, "a draft");
    assert_eq!(raises("tree", "Prune"), every, "the enum");
}

#[test]
fn events_are_told_with_versions_roles_and_fields() {
    let model = model();
    let of = |aggregate: &str| -> Vec<_> {
        let events = model.aggregate(aggregate).unwrap().events();
        events.map(|event: &EventModel| (event.name, event.version, event.oldest, event.role)).collect()
    };
    assert_eq!(
        of("account"),
        [
            ("AccountOpened", 1, 1, "birth"),
            ("MoneyDeposited", 1, 1, "life"),
            ("MoneyWithdrawn", 1, 1, "life"),
            ("AccountClosed", 1, 1, "end"),
        ]
    );
    assert_eq!(of("wallet")[1], ("wallet.topped-up", 2, 1, "life"));
    let topped_up = model.aggregate("wallet").unwrap().events().nth(1).unwrap();
    let fields: Vec<_> = topped_up.fields.iter().map(|field| (field.name, field.ty)).collect();
    assert_eq!(fields, [("cents", "u64"), ("currency", "String")]);
    assert_eq!(topped_up.type_name, "app::reading::ToppedUp");
}

#[test]
fn commands_are_told_with_needs_services_and_fields() {
    let model = model();
    let needs = |name| command(&model, "tree", name).needs;
    assert_eq!((needs("Plant"), needs("Grow"), needs("Whichever")), ("absent", "living", "either"));
    assert_eq!(command(&model, "account", "Fetch").services, ["dyn Errand"]);
    let search = command(&model, "attic", "Search");
    let fields: Vec<_> = search.fields.iter().map(|field| (field.name, field.ty)).collect();
    assert_eq!(fields, [("attic", "u32"), ("what", "Vec<String>")]);
    assert_eq!(search.path, "app::model::attic::Search");
}

#[test]
fn older_and_retired_events_are_told_apart() {
    let model = model();
    let past: Vec<_> = model
        .past_events()
        .filter(|past| past.name.starts_with("wallet."))
        .map(|past| (past.name, past.version, past.retired))
        .collect();
    assert_eq!(past, [("wallet.card-issued", 1, true), ("wallet.topped-up", 1, false)]);
}

#[test]
fn a_check_finds_each_dead_end() {
    let findings = model().check();
    for expected in [
        Finding::NeverRaised { aggregate: "attic", event: "attic.dusted" },
        Finding::RaisesNothing { aggregate: "attic", command: "Search" },
        Finding::NeverApplied { event: "attic.lost", version: 1, path: "app::model::attic::Lost" },
    ] {
        assert!(findings.contains(&expected), "{expected} is not in {findings:#?}");
    }
    let of = |aggregate: &str| findings.iter().filter(|found| found.to_string().contains(aggregate)).count();
    assert_eq!(of("account"), 0, "nothing is wrong with the bank: {findings:#?}");
}

#[test]
fn a_check_finds_each_shared_name() {
    let findings = model().check();
    let shared = |found: &Finding| match found {
        Finding::SharedEventName { name, version: 1, types } => (*name, types.len()),
        Finding::SharedCommandName { name, types } | Finding::SharedAggregateName { name, types } => {
            (*name, types.len())
        }
        _ => ("", 0),
    };
    let shared: Vec<_> = findings.iter().map(shared).filter(|(name, _)| !name.is_empty()).collect();
    assert_eq!(shared, [("pot", 2), ("room", 2), ("CancelRoom", 2), ("Cancelled", 2)]);
}

#[test]
fn a_retired_event_with_an_applier_is_no_dead_end() {
    // Nothing may raise it: that is what it is retired for.
    let findings = model().check();
    let gifted = findings.iter().find(|found| found.to_string().contains("wallet.gifted"));
    assert_eq!(gifted, None);
}

#[test]
fn the_export_is_json() {
    let model = model();
    let json: Value = es_core::serde_json::from_str(&model.to_json()).unwrap();
    let aggregates = json["aggregates"].as_array().unwrap();
    assert_eq!(aggregates.len(), model.aggregates().count());
    let account = aggregates.iter().find(|aggregate| aggregate["name"] == "account").unwrap();
    assert_eq!(account["events"][1]["name"], "MoneyDeposited");
    assert_eq!(account["events"][1]["fields"][0]["name"], "amount");
    let withdraw =
        account["commands"].as_array().unwrap().iter().find(|command| command["name"] == "Withdraw");
    assert_eq!(withdraw.unwrap()["raises"][0], "MoneyWithdrawn");
}

#[test]
fn the_chart_has_a_box_for_each_aggregate_and_an_arrow_for_each_edge() {
    let model = model();
    let chart = model.to_mermaid();
    assert!(chart.starts_with("flowchart LR\n"));
    let edges =
        |aggregate: &AggregateModel| aggregate.commands().map(|command| command.raises.len()).sum::<usize>();
    let arrows = chart.lines().filter_map(|line| line.trim().split_once(" --> "));
    // From a command to an event of its aggregate; others lead to what follows the log.
    let raised = arrows.filter(|(from, to)| from.contains('c') && to.contains('e'));
    assert_eq!(raised.count(), model.aggregates().map(edges).sum::<usize>());
    assert_eq!(chart.matches("  subgraph a").count(), model.aggregates().count());
    let (at, _) = model.aggregates().enumerate().find(|(_, aggregate)| aggregate.name == "attic").unwrap();
    assert!(
        chart.contains(&format!("    a{at}c0[\"Search\"]\n    a{at}e0([\"attic.dusted\"])\n")),
        "{chart}"
    );
}

#[test]
fn a_model_knows_its_commands_by_their_aggregates() {
    let commands: Vec<_> =
        model().aggregate("wallet").unwrap().commands().map(|command| command.name).collect();
    assert_eq!(commands, [crate::reading::TopUp::NAME]);
}
