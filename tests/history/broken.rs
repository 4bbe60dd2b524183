//! Histories that no store may have, and what is said of them.

use super::{Answer, Attempt, History, Reading, Subscriber, Verdict, Writer, commit_of, log_of};
use es_core::store::{Checkpoint, Commit, EventStore, Filter, LEASE, MemoryStore, StoredEvent};
use es_core::{Position, StreamId};
use std::sync::Arc;
use uuid::Uuid;

/// What a writer's four commits have left, the last of which was refused.
struct Case {
    log: Vec<StoredEvent>,
    attempts: Vec<Attempt>,
}

const WRITER: Writer = Writer { run: 1, number: 2 };

impl Case {
    async fn new() -> Self {
        let (store, history) = (MemoryStore::new(), History::default());
        for n in [0, 1, 2] {
            history.append(&store, 0, commit_of(WRITER, n)).await.unwrap();
        }
        history.append(&store, 0, commit_of(WRITER, 7)).await.unwrap_err();
        Self { log: log_of(&store).await, attempts: history.attempts() }
    }

    fn violations(&self) -> Vec<String> {
        let mut verdict = Verdict::default();
        verdict.look_at(&self.log, &self.attempts, true);
        verdict.violations
    }

    fn says(&self, violation: &str) {
        let violations = self.violations();
        assert!(violations.iter().any(|said| said.contains(violation)), "{violation}: {violations:#?}");
    }

    fn answer(&mut self, attempt: usize, answer: Answer) {
        let at = self.attempts[attempt].answered.as_ref().map_or(u64::MAX, |(at, _)| *at);
        self.attempts[attempt].answered = Some((at, answer));
    }
}

#[tokio::test]
async fn a_history_as_it_should_be() {
    let mut case = Case::new().await;
    assert_eq!(case.violations(), [""; 0]);
    case.attempts[2].answered = None;
    assert_eq!(case.violations(), [""; 0], "whoever has died may have stored it");
    case.log.truncate(6);
    assert_eq!(case.violations(), [""; 0], "or not");
}

#[tokio::test]
async fn a_lost_commit() {
    let mut case = Case::new().await;
    case.log.truncate(6);
    case.says("was acknowledged, and is lost");
}

#[tokio::test]
async fn a_commit_in_part() {
    let mut case = Case::new().await;
    case.attempts[2].answered = None;
    case.log.truncate(8);
    case.says("is stored in part: 2 of 3");
}

#[tokio::test]
async fn a_commit_torn_apart() {
    let mut case = Case::new().await;
    case.log.swap(5, 6);
    case.says("is torn apart");
}

#[tokio::test]
async fn a_refused_commit_that_is_there() {
    let mut case = Case::new().await;
    case.answer(1, Answer::Refused);
    case.says("though it was said not to be");
    case.answer(1, Answer::NotStored);
    case.says("though it was said not to be");
}

#[tokio::test]
async fn other_bytes_than_were_sent() {
    let mut case = Case::new().await;
    case.log[4].payload = None;
    case.says("is not what was sent");
}

#[tokio::test]
async fn an_event_that_is_there_twice() {
    let mut case = Case::new().await;
    let mut again = case.log[0].clone();
    again.position = Position(10);
    again.version = 7;
    case.log.push(again);
    case.says("is at 1 and at 10");
}

#[tokio::test]
async fn an_event_of_nobody() {
    let mut case = Case::new().await;
    let mut foreign = case.log[8].clone();
    foreign.position = Position(10);
    foreign.version = 4;
    foreign.id = Uuid::nil();
    case.log.push(foreign);
    case.says("1 events in the log are nobody's");
}

#[tokio::test]
async fn a_hole() {
    let mut case = Case::new().await;
    for event in &mut case.log[6..] {
        event.position.0 += 1;
    }
    case.says("position 8 follows 6");
    let mut verdict = Verdict::default();
    case.answer(2, Answer::Unknown);
    verdict.look_at(&case.log, &case.attempts, false);
    assert_eq!(verdict.violations, [""; 0], "positions that need only rise");
}

#[tokio::test]
async fn a_version_out_of_order() {
    let mut case = Case::new().await;
    case.log[0].version = 2;
    case.log[1].version = 1;
    case.says("has version 2 where 1 is due");
}

#[tokio::test]
async fn a_time_that_goes_back() {
    let mut case = Case::new().await;
    case.log[0].stored_at = jiff::Timestamp::MAX;
    case.says("the time goes back at position 2");
}

#[tokio::test]
async fn a_place_that_was_not_answered() {
    let mut case = Case::new().await;
    case.answer(1, Answer::Stored { duplicate: false, position: Position(7), versions: vec![4, 2] });
    case.says("ends at 6, and 7 was answered");
    case.answer(1, Answer::Stored { duplicate: false, position: Position(6), versions: vec![4, 1] });
    case.says("ends at version 2, and [4, 1] were answered");
}

#[tokio::test]
async fn an_expectation_that_was_not_looked_at() {
    let mut case = Case::new().await;
    case.attempts[1].commit.parts[0].expected = es_core::store::Expected::NoStream;
    case.says("is at version 3, and expected NoStream");
}

#[tokio::test]
async fn a_commit_stored_twice_for_the_first_time() {
    let mut case = Case::new().await;
    let mut again = case.attempts[2].clone();
    (again.invoked, again.answered.as_mut().unwrap().0) = (100, 101);
    case.attempts.push(again);
    case.says("for the first time more than once");
}

#[tokio::test]
async fn a_duplicate_of_nothing() {
    let mut case = Case::new().await;
    case.answer(1, Answer::Stored { duplicate: true, position: Position(9), versions: vec![6, 3] });
    case.says("was called a duplicate when it was sent for the first time");
}

#[tokio::test]
async fn a_commit_before_what_was_known() {
    let mut case = Case::new().await;
    // The third was answered before the second was sent.
    (case.attempts[1].invoked, case.attempts[1].answered.as_mut().unwrap().0) = (100, 101);
    case.says("stands before one that was answered before it was sent");
}

#[tokio::test]
async fn a_conflict_with_the_past() {
    let (store, history) = (MemoryStore::new(), History::default());
    let stream = StreamId::named("a-1");
    for (n, expected) in [0, 1, 0].into_iter().enumerate() {
        let mut commit = commit_of(WRITER, n as u64);
        commit.parts.truncate(1);
        commit.parts[0].stream = stream.clone();
        commit.parts[0].expected = es_core::store::Expected::Exact(2 * expected);
        // The last one conflicts.
        let _ = history.append(&store, 0, commit).await;
    }
    let mut case = Case { log: log_of(&store).await, attempts: history.attempts() };
    assert_eq!(case.violations(), [""; 0]);
    case.answer(2, Answer::Conflict { stream: "a-1".into(), actual: 2 });
    case.says("a-1 was said to be at 2 after it was known to be at 4");
}

#[tokio::test]
async fn a_write_under_an_older_lease() {
    let (store, history) = (MemoryStore::new(), History::default());
    store.register("p", Checkpoint::default()).await.unwrap();
    let lease = store.acquire("p", Uuid::nil(), LEASE).await.unwrap().unwrap();
    for n in [0, 1] {
        history.append(&store, 0, commit_of(WRITER, n).under(&lease)).await.unwrap();
    }
    let mut case = Case { log: log_of(&store).await, attempts: history.attempts() };
    assert_eq!(case.violations(), [""; 0]);
    case.attempts[0].commit.fence.as_mut().unwrap().epoch += 1;
    case.says("was written under epoch 1 after 2");
}

#[tokio::test]
async fn deliveries() {
    let store = Arc::new(MemoryStore::new());
    let filter = Filter::category("two");
    let subscriber = Subscriber::start(store.clone(), filter.clone(), 1);
    for n in 0..300 {
        store.append(commit_of(WRITER, n)).await.unwrap();
    }
    let readings = subscriber.end().await;
    let log = log_of(&*store).await;
    let violations = |readings: &[Reading]| {
        let mut verdict = Verdict::default();
        verdict.delivered(&log, &filter, readings);
        verdict.violations
    };
    assert_eq!(violations(&readings), [""; 0]);
    let broken = |change: fn(&mut Reading)| {
        let mut readings = readings.clone();
        change(readings.iter_mut().max_by_key(|reading| reading.given.len()).unwrap());
        violations(&readings)
    };
    assert_eq!(broken(|reading| _ = reading.given.remove(1)).len(), 1, "a hole");
    assert_eq!(broken(|reading| reading.given.swap(1, 2)).len(), 1, "a reorder");
    assert_eq!(broken(|reading| reading.given.insert(1, reading.given[0])).len(), 1, "a duplicate");
    let mut short = readings.clone();
    short.truncate(1);
    short[0].scanned_to = Position(1);
    assert!(violations(&short).iter().any(|said| said.contains("ends at 1")), "an end before the end");
}

#[tokio::test]
async fn a_stream_that_is_read_as_it_is_not() {
    let log = Case::new().await.log;
    let stream = log[0].stream.clone();
    let events: Vec<_> = log.iter().filter(|event| event.stream == stream).cloned().collect();
    let violations = |events: &[StoredEvent], version| {
        let mut verdict = Verdict::default();
        verdict.stream(&log, &stream, events, version);
        verdict.violations
    };
    assert_eq!(violations(&events, 6), [""; 0]);
    assert_eq!(violations(&events[1..], 6), ["a stream is read with 5 events where the log has 6: two-1.2"]);
    assert_eq!(violations(&events, 5), ["the head of two-1.2 is 5 where the log has 6"]);
    let mut other = events.clone();
    other[3].payload = None;
    assert_eq!(violations(&other, 6), ["the 4th event of two-1.2 is another one than in the log"]);
}

/// A commit can be looked at that has one part only.
#[tokio::test]
async fn a_commit_of_one_part() {
    let (store, history) = (MemoryStore::new(), History::default());
    let events = commit_of(WRITER, 0).parts.remove(0).events;
    let commit = Commit::one(StreamId::named("a-1"), es_core::store::Expected::Any, events);
    history.append(&store, 0, commit.clone()).await.unwrap();
    assert!(history.append(&store, 0, commit).await.unwrap().duplicate);
    let figures = Verdict::of(&store, &history).await.holds("one part");
    assert_eq!((figures.events, figures.attempts, figures.acknowledged), (2, 2, 1));
}
