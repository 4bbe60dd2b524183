//! Generated code needs nothing from where it stands: no prelude, no names, no `es_core` at the root.
#![allow(missing_docs)]

mod bare {
    #![no_implicit_prelude]
    use ::es_core::{aggregate, aggregate_id, applier, command, command_handler, event, reactor, value};

    #[aggregate_id]
    pub struct LampId(::std::string::String);
    #[value]
    pub struct Colour(pub u8);
    #[event]
    pub struct Lit {
        pub colour: Colour,
    }
    #[event]
    pub struct Dimmed;
    #[event]
    pub struct Broken;
    #[command(Lamp)]
    pub struct Light {
        #[id]
        pub lamp: LampId,
        pub colour: Colour,
    }
    #[command(Lamp)]
    pub struct Dim {
        #[id]
        pub lamp: LampId,
    }
    #[command(Lamp)]
    pub struct Break {
        #[id]
        pub lamp: LampId,
    }
    #[derive(::core::fmt::Debug, ::core::cmp::PartialEq, ::thiserror::Error)]
    #[error("too dark")]
    pub struct TooDark;
    pub trait Switch: ::core::marker::Send + ::core::marker::Sync {}

    #[aggregate(id = LampId)]
    pub struct Lamp {
        pub colour: Colour,
    }
    #[applier]
    impl Lamp {
        fn lit(event: &Lit, _: &::es_core::Envelope) -> Self {
            Lamp { colour: ::core::clone::Clone::clone(&event.colour) }
        }
        fn dimmed(&mut self, _: &Dimmed) {
            self.colour.0 /= 2;
        }
        fn broken(self, _: &Broken) {}
        #[invariant]
        fn visible(&self) -> ::core::result::Result<(), TooDark> {
            if self.colour.0 == 0 {
                ::core::result::Result::Err(TooDark)
            } else {
                ::core::result::Result::Ok(())
            }
        }
    }
    #[command_handler(retry(max = 1, backoff = "1us..1m"))]
    impl Lamp {
        #[validate]
        fn any(_: &Light) -> ::core::result::Result<(), TooDark> {
            ::core::result::Result::Ok(())
        }
        fn light(command: Light) -> ::core::result::Result<Lit, TooDark> {
            ::core::result::Result::Ok(Lit { colour: command.colour })
        }
        fn dim(state: ::core::option::Option<&Self>, _: Dim) -> ::core::option::Option<Dimmed> {
            state.map(|_| Dimmed)
        }
        async fn broken_for_good(
            &self,
            _: Break,
            _: &dyn Switch,
            _: &::es_core::Context<Self>,
        ) -> [Broken; 1] {
            [Broken]
        }
    }

    #[reactor(key = LampId, retry(max = 1, backoff = "1us..1m"))]
    pub struct Dimmer {
        pub steps: u64,
    }
    #[reactor]
    impl Dimmer {
        #[key(env.stream_id::<LampId>()?)]
        fn lit(
            &mut self,
            event: &Lit,
            env: &::es_core::Envelope,
            lamp: &LampId,
        ) -> ::core::option::Option<Dim> {
            self.steps += 1;
            ::core::option::Option::Some(Dim { lamp: ::core::clone::Clone::clone(lamp) })
        }
        fn broken(self, _: &Broken) {}
    }
    #[reactor(from = start, on_failure = stop)]
    pub struct Alarm;
    #[reactor]
    impl Alarm {
        async fn broken(
            &self,
            _: &Broken,
            _: &LampId,
            _: &dyn Switch,
            _: &Colour,
            _: &::es_core::App,
            _: &::es_core::Context<Self>,
        ) -> ::core::result::Result<(), TooDark> {
            ::core::result::Result::Ok(())
        }
        fn any(&self, _: &::es_core::RawEvent) {}
        fn refused(&self, _: &::es_core::Refused<Light>) {}
    }
}

mod renamed {
    pub mod inner {
        pub use ::es_core as language;
    }
    use inner::language::{Envelope, aggregate, applier, command, command_handler, event, reactor};

    #[event(crate = crate::renamed::inner::language)]
    pub struct Rung;
    #[command(Bell, crate = crate::renamed::inner::language)]
    pub struct Ring {
        #[id]
        pub bell: String,
    }
    #[aggregate(id = String, default, crate = crate::renamed::inner::language)]
    #[derive(Default)]
    pub struct Bell {
        times: u64,
    }
    #[applier(enum = Sound, crate = crate::renamed::inner::language)]
    impl Bell {
        fn rung(&mut self, _: &Rung, env: &Envelope) {
            self.times += env.version;
        }
    }
    #[command_handler(crate = crate::renamed::inner::language)]
    impl Bell {
        fn ring(&self, _: Ring) -> Sound {
            Sound::Rung(Rung)
        }
    }
    #[reactor(key = String, crate = crate::renamed::inner::language)]
    pub struct Echo;
    #[reactor(crate = crate::renamed::inner::language)]
    impl Echo {
        fn rung(&mut self, _: &Rung, bell: &String) -> Ring {
            Ring { bell: bell.clone() }
        }
    }
}

/// Types that come through a `macro_rules!` stand in invisible parentheses.
macro_rules! model {
    ($aggregate:ident, $event:ident, $applied:ty, $command:ident, $decided:ty, $service:ty) => {
        #[event]
        pub struct $event;
        #[command($aggregate)]
        pub struct $command {
            #[id]
            pub id: String,
        }
        #[aggregate(id = String)]
        pub struct $aggregate {}
        #[applier]
        impl $aggregate {
            fn began(_: &$applied) -> Self {
                Self {}
            }
        }
        #[command_handler(retry(max = 1))]
        impl $aggregate {
            fn begin(
                state: Option<&Self>,
                _: $decided,
                _: &$service,
            ) -> Result<Option<$applied>, super::bare::TooDark> {
                Ok(state.is_none().then_some($event))
            }
        }
    };
}

mod generated {
    use es_core::prelude::*;
    model!(Task, Begun, Begun, Begin, Begin, dyn super::bare::Switch);
}

#[test]
fn attributes_work_inside_a_function() {
    use es_core::prelude::*;

    #[event]
    pub struct Begun;
    #[command(Task)]
    pub struct Begin {
        #[id]
        pub task: String,
    }
    #[aggregate(id = String)]
    pub struct Task {}
    #[applier]
    impl Task {
        fn begun(_: &Begun) -> Self {
            Task {}
        }
    }
    #[command_handler]
    impl Task {
        fn begin(_: Begin) -> Begun {
            Begun
        }
    }
    assert_eq!(TaskEvent::Begun(Begun).name(), "Begun");
}

#[test]
fn a_bare_module_has_a_whole_model() {
    assert_eq!(<bare::Lamp as es_core::Aggregate>::NAME, "lamp");
    assert_eq!(<renamed::Bell as es_core::Aggregate>::NAME, "bell");
}
