//! One aggregate may have handler blocks in several modules, each with its own policy.
use es_core::prelude::*;

#[event(name = "counter.counted", alias = "Counted", version = 2, from = old::Counted)]
pub struct Counted;

mod old {
    use es_core::prelude::*;

    #[event(name = "counter.counted")]
    pub struct Counted;

    impl From<Counted> for super::Counted {
        fn from(_: Counted) -> Self {
            Self
        }
    }
}

#[event(retired)]
pub struct Reset;

#[command(Counter)]
pub struct Count {
    #[id]
    pub counter: String,
}
#[command(Counter, name = "count-twice")]
pub struct CountTwice {
    #[id]
    pub counter: String,
}

#[aggregate(id = String, name = "visits", default, snapshot(every = 10))]
#[derive(Default)]
pub struct Counter {
    value: u64,
}

#[applier(enum = Counting)]
impl Counter {
    fn counted(&mut self, _: &Counted) {
        self.value += 1;
    }
    fn reset(&mut self, _: &Reset) {
        self.value = 0;
    }
}

#[command_handler]
impl Counter {
    fn count(&self, _: Count) -> Counted {
        Counted
    }
}

mod more {
    use super::*;

    #[command_handler(retry(max = 0))]
    impl Counter {
        fn count_twice(&self, _: CountTwice) -> Vec<Counting> {
            vec![Counting::Counted(Counted), Counting::Counted(Counted)]
        }
    }
}
