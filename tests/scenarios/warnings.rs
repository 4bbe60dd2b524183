//! What is said about trouble that nobody is bothered with.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Hears the warnings of this thread for as long as it is kept.
pub struct Warnings {
    messages: Messages,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

impl Warnings {
    pub fn listen() -> Self {
        let messages = Messages::default();
        Self { _guard: tracing::subscriber::set_default(messages.clone()), messages }
    }

    /// The messages so far, in order.
    pub fn heard(&self) -> Vec<String> {
        self.messages.0.lock().unwrap().clone()
    }
}

impl Subscriber for Messages {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Visit for Messages {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}
