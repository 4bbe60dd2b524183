//! Projections as part of the model, and what their attributes generate in places without a prelude.
#![allow(missing_docs)]

/// Generated code needs nothing from where it stands.
mod bare {
    #![no_implicit_prelude]
    use ::es_core::{Envelope, RawEvent, aggregate, applier, event, projection, value};

    #[value]
    pub struct Colour(pub u8);
    #[event]
    pub struct Switched {
        pub colour: ::core::option::Option<Colour>,
        pub room: ::std::string::String,
    }
    #[projection(key = ::std::string::String, no_derive(Debug))]
    #[derive(::core::fmt::Debug)]
    pub struct Colours {
        pub last: ::core::option::Option<Colour>,
    }
    #[projection]
    impl Colours {
        #[key(&e.room)]
        fn switched(
            &mut self,
            e: &Switched,
            _: &Envelope,
            _: &::std::string::String,
        ) -> ::core::result::Result<(), ::core::fmt::Error> {
            ::core::clone::Clone::clone_from(&mut self.last, &e.colour);
            ::core::result::Result::Ok(())
        }
        fn ended(self, _: &RawEvent) {}
    }

    pub struct WireTx;
    #[projection(name = "switched")]
    pub struct Wires;
    #[projection]
    impl Wires {
        fn setup(_: &WireTx) -> ::core::result::Result<(), ::core::fmt::Error> {
            ::core::result::Result::Ok(())
        }
        fn switched(&self, _: &Switched, _: &WireTx, _: &::std::string::String) {}
    }

    #[event]
    pub struct Rung;
    #[aggregate(id = ::std::string::String, default)]
    #[derive(::core::default::Default)]
    pub struct Till;
    #[applier]
    impl Till {
        fn rung(&mut self, _: &Rung) {}
    }
    #[projection(key = u64, name = "rung")]
    pub struct Twin;
    #[projection]
    impl Twin {
        fn switched(&mut self, _: &Switched) {}
    }
}

mod renamed {
    pub mod inner {
        pub use ::es_core as language;
    }
    use super::bare;
    use inner::language::projection;

    #[projection(key = (), name = "rung", crate = crate::renamed::inner::language)]
    pub struct Bell(u64);
    #[projection(crate = crate::renamed::inner::language)]
    impl Bell {
        fn rung(&mut self, _: &bare::Rung) {
            self.0 += 1;
        }
    }
}

#[test]
fn the_export_holds_what_they_follow() {
    let json: es_core::serde_json::Value =
        es_core::serde_json::from_str(&es_core::model().to_json()).unwrap();
    let colours = &json["projections"][0];
    assert_eq!((&colours["name"], &colours["events"][0]), (&"colours".into(), &"Switched".into()));
    assert_eq!((&colours["keeps"], &colours["every_event"]), (&"documents".into(), &true.into()));
    assert_eq!(json["projections"][3]["keeps"], "rows");
}

#[test]
fn the_chart_leads_from_events_to_the_projections_that_follow_them() {
    let chart = es_core::model().to_mermaid();
    let boxed = |line: &str| chart.lines().any(|there| there.trim() == line);
    assert!(boxed("p0[(\"colours\")]"), "{chart}");
    // The only aggregate is the till. `colours` takes every event, the bell what it needs.
    let arrows: Vec<_> = chart.lines().map(str::trim).filter(|line| line.contains("--> p")).collect();
    assert_eq!(arrows, ["a0e0 --> p0", "a0e0 --> p2"], "{chart}");
}

#[test]
fn a_check_finds_projections_that_share_a_name() {
    let found = es_core::model().check();
    let twins =
        found.iter().find(|found| matches!(found, es_core::model::Finding::SharedProjectionName { .. }));
    let said = "projections projected::bare::Twin and projected::renamed::Bell share the name \"rung\"";
    assert_eq!(twins.map(ToString::to_string).as_deref(), Some(said));
}
