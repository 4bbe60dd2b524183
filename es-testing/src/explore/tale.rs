//! A schedule in words, for whoever has to understand a failure.

use super::store::{Call, ExploredStore};
use super::story::Answer;
use es_core::__testing::Stepper;
use es_core::jiff::Timestamp;
use es_core::store::{EventStore, Filter, StoredEvent};
use es_core::{App, CommandId, Metadata, Position, serde_json};
use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

/// The steps of a run, as they are told. Most runs are told to nobody.
#[derive(Default)]
pub(super) struct Tale {
    told: Option<Told>,
}

#[derive(Default)]
struct Told {
    given: Vec<String>,
    steps: Vec<String>,
    /// Where the log ended before the step.
    head: Position,
    /// The event that a follower is given in this step.
    delivered: Option<StoredEvent>,
    /// What followers were given so far.
    known: HashSet<(Arc<str>, Position)>,
    sent: HashSet<String>,
    /// What is parked.
    parked: HashSet<String>,
}

impl Tale {
    /// One that is told.
    pub fn aloud() -> Self {
        Self { told: Some(Told::default()) }
    }

    /// What the story begins with, and the steps.
    pub fn lines(self) -> (Vec<String>, Vec<String>) {
        self.told.map(|told| (told.given, told.steps)).unwrap_or_default()
    }

    pub fn given(&mut self, shown: &str) {
        if let Some(told) = &mut self.told {
            told.given.push(shown.to_owned());
        }
    }

    /// A step begins.
    pub async fn begins(&mut self, store: &ExploredStore) {
        if let Some(told) = &mut self.told {
            told.head = store.log().head().await.unwrap_or_default();
            told.delivered = None;
        }
    }

    /// A client sends a command.
    pub async fn command(
        &mut self,
        client: Option<usize>,
        shown: &str,
        answer: Option<&Answer>,
        store: &ExploredStore,
    ) {
        let Some(told) = &mut self.told else { return };
        let who = client.map_or("client".to_owned(), |number| format!("client {number}"));
        let mut line = format!("{who}: {shown}");
        if !told.sent.insert(line.clone()) {
            line.push_str(" again");
        }
        let recorded = told.recorded(store).await;
        match (answer, recorded.is_empty()) {
            (Some(Err(refusal)), _) => line = format!("{line} -> refused: {refusal}"),
            (_, false) => line = format!("{line} -> {}", names(&recorded)),
            (_, true) => line.push_str(" -> nothing"),
        }
        told.steps.push(line);
    }

    /// A follower is about to go.
    pub async fn follows(&mut self, follower: &Stepper) {
        if let Some(told) = &mut self.told {
            told.delivered = follower.next().await.ok().flatten();
        }
    }

    /// It has gone.
    pub async fn followed(&mut self, follower: &Stepper, store: &ExploredStore) {
        let Some(told) = &mut self.told else { return };
        let mut line = match &told.delivered {
            Some(event) => {
                let new = told.known.insert((follower.processor().clone(), event.position));
                let again = if new { "" } else { " once more" };
                format!("{} handles {}{again}", follower.name(), event.name)
            }
            None => format!("{} does what is due", follower.name()),
        };
        let recorded = told.recorded(store).await;
        let mut separator = ": ";
        for commanded in recorded.chunk_by(|one, next| command(one) == command(next)) {
            let (name, _) = command(&commanded[0]);
            let _ = write!(line, "{separator}{name} -> {}", names(commanded));
            separator = "; ";
        }
        told.steps.push(line);
    }

    /// What a follower has set aside in the step that was just told.
    pub async fn parked(&mut self, follower: &'static str, app: &App) {
        let Some(told) = &mut self.told else { return };
        let parked = app.parked(follower).await;
        for parked in parked.iter().flat_map(|parked| parked.iter()) {
            if told.parked.insert(format!("{follower} {}", parked.id))
                && let Some(step) = told.steps.last_mut()
            {
                // Writing to a `String` cannot fail.
                let _ = write!(step, "\nparked: {}", parked.error);
            }
        }
    }

    /// The process ends in the step that was just told.
    pub fn crash(&mut self, calls: &[Call]) {
        let Some(step) = self.told.as_mut().and_then(|told| told.steps.last_mut()) else { return };
        let Some(last) = calls.last() else { return };
        let side = if last.is_done { "after" } else { "before" };
        let number = ordinal(calls.iter().filter(|call| !call.is_done).count());
        let _ = write!(step, "\ncrash: the process ends {side} its {number} store call, `{}`", last.name);
    }

    /// Time passes, and these followers do not look at the log meanwhile.
    pub fn time(&mut self, from: Timestamp, to: Timestamp, asleep: Vec<&'static str>) {
        let Some(told) = &mut self.told else { return };
        let mut line = format!("{:#} pass", to.duration_since(from));
        for name in asleep {
            let _ = write!(line, "\nlost wake-up: {name} does not look at the log meanwhile");
        }
        told.steps.push(line);
    }
}

impl Told {
    /// The events of this step.
    async fn recorded(&self, store: &ExploredStore) -> Vec<StoredEvent> {
        let page = store.log().read_log(self.head, &Filter::default(), 1_000).await;
        page.map(|page| page.events).unwrap_or_default()
    }
}

/// The name and the id of the command that raised an event.
fn command(event: &StoredEvent) -> (String, Option<CommandId>) {
    let metadata: Metadata = serde_json::from_slice(&event.metadata).unwrap_or_default();
    let name = metadata.command.map_or_else(|| "a command".to_owned(), std::borrow::Cow::into_owned);
    (name, metadata.command_id)
}

/// Events, and where they are: `MoneyWithdrawn (account-ann)`.
fn names(events: &[StoredEvent]) -> String {
    let shown: Vec<_> = events.iter().map(|event| format!("{} ({})", event.name, event.stream)).collect();
    shown.join(", ")
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_said_as_people_say_them() {
        let said: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(super::ordinal).into();
        assert_eq!(said, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
    }
}
