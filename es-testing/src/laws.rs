//! The laws: what has to hold of every aggregate, checked on every scenario without being asked.

use crate::diff;
use crate::fault::Fault;
use crate::scenario::Answer;
use crate::world::broken;
use es_core::serde_json::{self, Value};
use es_core::store::StoredEvent;
use es_core::{
    __testing as inside, Applier, CommandId, DecodeError, EventEnum, Life, Loaded, Metadata, Refusal,
    ReplyValue,
};
use std::fmt::Debug;

pub(crate) const ROUND_TRIP: &str = "payloads survive a serde round trip";
const TWICE: &str = "deciding twice decides the same";
const FOLD: &str = "the fold of given and new events equals the working copy";
const SNAPSHOT: &str = "a snapshot at every version and its tail equal the full fold";
const NOTHING: &str = "an error or a no-op records nothing";

/// With more events than this, snapshots are tried at as many versions, evenly spread.
const MOST_SNAPSHOTS: usize = 256;

/// The failure of one law.
pub(crate) fn broken_law(law: &str, lines: impl IntoIterator<Item = String>) -> Fault {
    Fault::new(format!("a law is broken: {law}")).with(lines)
}

/// An event is the same after it was written and read.
pub(crate) fn round_trip<E: EventEnum>(event: &E) -> Result<(), Fault> {
    let shown = diff::show(event);
    let read =
        inside::round_trip(event).map_err(|reason| broken_law(ROUND_TRIP, [format!("{shown} {reason}")]))?;
    match diff::event(&read, event) {
        None => Ok(()),
        Some(difference) => {
            Err(broken_law(ROUND_TRIP, [format!("{shown} is read back with another value: {difference}")]))
        }
    }
}

/// A command that is decided again, on the same history at the same time, decides the same.
pub(crate) fn twice<A, E, R>(once: &[Answer<A, E, R>], again: &[Answer<A, E, R>]) -> Result<(), Fault>
where
    A: Applier,
    E: Refusal,
    R: ReplyValue,
{
    for (once, again) in once.iter().zip(again) {
        let lines = differences(once, again);
        if !lines.is_empty() {
            let hint = "a handler takes its time and ids from `&Context<Self>`, and nothing from elsewhere";
            let what = format!("{}, decided twice (second ≠ first):", once.command);
            return Err(broken_law(TWICE, [what].into_iter().chain(lines).chain([hint.to_owned()])));
        }
    }
    Ok(())
}

fn differences<A, E, R>(once: &Answer<A, E, R>, again: &Answer<A, E, R>) -> Vec<String>
where
    A: Applier,
    E: Refusal,
    R: ReplyValue,
{
    match (&once.result, &again.result) {
        (Ok(first), Ok(second)) => {
            let pairs = first.events.iter().zip(&second.events);
            let same = first.events.len() == second.events.len() && { pairs }.all(|(a, b)| diff::same(a, b));
            let mut lines = if same { Vec::new() } else { diff::events(&second.events, &first.events) };
            let (first, second) = (json(&first.reply), json(&second.reply));
            if first != second {
                lines.push(format!("the reply: {second} ≠ {first}"));
            }
            lines
        }
        (Err(first), Err(second)) if format!("{first:?}") == format!("{second:?}") => Vec::new(),
        _ => vec![format!("{} ≠ {}", again.summary, once.summary)],
    }
}

fn json<R: ReplyValue>(reply: &R) -> Value {
    serde_json::to_value(reply).unwrap_or_default()
}

/// The whole fold, the state that the command answered, and the state that the app has now are one.
pub(crate) fn fold<A: Applier, E, R>(
    full: &Result<Life<A>, DecodeError>,
    version: u64,
    answers: &[Answer<A, E, R>],
    loaded: Option<&Loaded<A>>,
) -> Result<(), Fault> {
    let last =
        answers.iter().filter_map(|answer| answer.result.as_ref().ok()).find(|done| done.version == version);
    let life = match full {
        Ok(life) => life,
        // Nothing was recorded: the history was unreadable before.
        Err(_) if answers.iter().all(|answer| answer.events().is_empty()) => return Ok(()),
        Err(error) => return Err(broken_law(FOLD, [format!("what was recorded cannot be read: {error}")])),
    };
    if version == 0 {
        return Ok(());
    }
    let working = last.map(|done| (done.state.as_ref(), "the working copy"));
    for (state, what) in working.into_iter().chain([(loaded, "the state in the cache")]) {
        let lines = compare(state.map(|state| &**state), life.living());
        if !lines.is_empty() {
            let what = format!("{what} ≠ the fold of all events, at version {version}:");
            let hint = "an applier uses its event and its envelope, and nothing else";
            return Err(broken_law(FOLD, [what].into_iter().chain(lines).chain([hint.to_owned()])));
        }
    }
    Ok(())
}

/// How two states differ. One that does not equal itself, as with a float that is no number, counts as equal
/// to what prints the same.
fn compare<T: PartialEq + Debug>(actual: Option<&T>, expected: Option<&T>) -> Vec<String> {
    if actual == expected {
        return Vec::new();
    }
    let lines = match (actual, expected) {
        (Some(actual), Some(expected)) => diff::debug(actual, expected),
        (actual, expected) => diff::debug(&actual, &expected),
    };
    let equals_itself = expected.eq(&expected);
    if lines.is_empty() && equals_itself {
        return vec!["they differ in something that their `Debug` does not show".to_owned()];
    }
    lines
}

/// A snapshot at any version leads to the same state as all events.
pub(crate) fn snapshots<A: Applier>(full: &Life<A>, events: &[StoredEvent]) -> Result<(), Fault> {
    if A::SNAPSHOT.is_none() {
        return Ok(());
    }
    let step = events.len().div_ceil(MOST_SNAPSHOTS).max(1);
    for at in (1..=events.len()).rev().step_by(step) {
        let Life::Living(state) = inside::fold::<A>(None, &events[..at]).map_err(broken)? else { continue };
        let version = events[at - 1].version;
        let state = match inside::snapshot(&state) {
            Some(Ok(state)) => state,
            Some(Err(error)) => {
                let line = format!("the state at version {version} cannot be kept: {error}");
                return Err(broken_law(SNAPSHOT, [line]));
            }
            None => return Ok(()),
        };
        let from_snapshot = inside::fold(Some(state), &events[at..]).map_err(broken)?;
        let lines = compare(Some(&from_snapshot), Some(full));
        if !lines.is_empty() {
            let what = format!("from the snapshot at version {version} ≠ from all {} events:", events.len());
            return Err(broken_law(SNAPSHOT, [what].into_iter().chain(lines)));
        }
    }
    Ok(())
}

/// What lies on the stream behind the version before is what the commands answered, and what rivals did.
pub(crate) fn nothing<A: Applier, E, R>(
    answers: &[Answer<A, E, R>],
    foreign: usize,
    tail: &[StoredEvent],
    alone: bool,
) -> Result<(), Fault> {
    for answer in answers {
        let said = answer.events().len();
        let stored = tail.iter().filter(|event| command_of(event) == Some(answer.id)).count();
        if said != stored {
            return Err(broken_law(
                NOTHING,
                [format!(
                    "{}: {}, and {stored} of its events are on its stream",
                    answer.command, answer.summary
                )],
            ));
        }
    }
    let said = foreign + answers.iter().map(|answer| answer.events().len()).sum::<usize>();
    if alone && said != tail.len() {
        let line = format!("{} events were recorded, {said} were answered", tail.len());
        return Err(broken_law(NOTHING, [line]));
    }
    Ok(())
}

fn command_of(event: &StoredEvent) -> Option<CommandId> {
    command_in(&event.metadata)
}

/// The id of the command that an event with this metadata comes from.
pub(crate) fn command_in(metadata: &[u8]) -> Option<CommandId> {
    serde_json::from_slice::<Metadata>(metadata).ok()?.command_id
}

#[cfg(test)]
mod tests {
    use super::*;
    use bank_model::{Account, AccountError};
    use es_core::jiff::Timestamp;
    use es_core::{Aggregate, CommandError, Position, uuid::Uuid};

    /// An event of the account 1, as a command of this id leaves it.
    fn stored(command: CommandId) -> StoredEvent {
        let metadata = serde_json::json!({ "command_id": command }).to_string();
        StoredEvent {
            position: Position(1),
            stream: Account::stream(&1),
            version: 1,
            id: Uuid::nil(),
            name: "AccountOpened".into(),
            schema: 1,
            recorded_at: Timestamp::UNIX_EPOCH,
            stored_at: Timestamp::UNIX_EPOCH,
            payload: Some(b"{}".to_vec().into()),
            metadata: metadata.into_bytes().into(),
        }
    }

    fn refused(id: CommandId) -> Answer<Account, AccountError, ()> {
        let error = CommandError::Rejected(AccountError::Overdrawn);
        Answer::of("Deposit".into(), id, Account::stream(&1), Err(error), 0)
    }

    // No runtime of ours breaks this law, so the answers and the log are made up.
    #[test]
    fn a_refused_command_leaves_no_event_of_its_own() {
        let own = CommandId::named("own");
        assert!(nothing(&[refused(own)], 0, &[], true).is_ok());
        assert!(nothing(&[refused(own)], 0, &[stored(own)], true).is_err());
        assert!(nothing(&[refused(own)], 0, &[stored(own)], false).is_err());
    }

    #[test]
    fn what_others_record_meanwhile_is_theirs() {
        let (own, other) = (CommandId::named("own"), CommandId::named("other"));
        assert!(nothing(&[refused(own)], 1, &[stored(other)], true).is_ok(), "a rival");
        assert!(nothing(&[refused(own)], 0, &[stored(other)], false).is_ok(), "a service");
        assert!(nothing(&[refused(own)], 0, &[stored(other)], true).is_err(), "nobody");
    }

    #[test]
    fn a_history_that_was_unreadable_before_breaks_no_law() {
        let unread = inside::fold::<Account>(None, &[stored(CommandId::new()), stored(CommandId::new())]);
        assert!(unread.is_err(), "a second birth");
        assert!(fold(&unread, 2, &[refused(CommandId::new())], None).is_ok());
    }
}
