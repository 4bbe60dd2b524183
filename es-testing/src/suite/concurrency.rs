//! Many at once: the order of the log, and of each stream in it.

use super::cases;
use super::words::*;
use es_core::Position;
use es_core::store::{
    AppendError, Appended, Commit, EventStore, Expected, Filter, NewEvent, StoredEvent, StreamHead,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use uuid::Uuid;

/// A commit of up to three events to each of these streams. The metadata says how many are in it.
fn sized(streams: &[String], each: usize) -> Commit {
    let count = streams.len() * each;
    let counted = |_| NewEvent { metadata: count.to_string().into(), ..event("Counted") };
    let one = |name: &String| part(name, Expected::Any, (0..each).map(counted).collect());
    Commit::all(streams.iter().map(one).collect())
}

/// Four writers with a part of their own and one for all of them; what each was answered, in its order.
async fn write_all(handles: [&Arc<dyn EventStore>; 2], commits: usize) -> Vec<Vec<(Commit, Appended)>> {
    all((0..4).map(|writer: usize| {
        let store = handles[writer % 2].clone();
        async move {
            let mut answers = Vec::new();
            for n in 0..commits {
                let streams = [format!("own-{writer}"), "common-1".to_owned()];
                let commit = sized(&streams[..=(n + writer) % 2], n % 3 + 1);
                let appended = store.append(commit.clone()).await.unwrap();
                answers.push((commit, appended));
            }
            answers
        }
    }))
    .await
}

fn ids(commit: &Commit) -> impl Iterator<Item = Uuid> {
    commit.parts.iter().flat_map(|part| &part.events).map(|event| event.id)
}

/// Makes sure that the versions of each stream are 1, 2, 3 and so on in the order of the log.
fn in_order(log: &[StoredEvent]) {
    let mut heads: HashMap<&str, u64> = HashMap::new();
    for event in log {
        let head = heads.entry(event.stream.as_str()).or_default();
        *head += 1;
        assert_eq!(event.version, *head, "versions of {} follow each other along the log", event.stream);
    }
}

cases! { $ __suite_concurrency of concurrency;
    async fn what_many_store_is_in_the_log_once_and_together(store, again) {
        let answers = write_all([&store, &again], 25).await;
        let log = whole_log(&*store).await;
        numbers(&*store).await;
        let index: HashMap<_, _> = log.iter().enumerate().map(|(index, event)| (event.id, index)).collect();
        assert_eq!(index.len(), log.len(), "an id is in the log once");
        assert_eq!(log.len(), answers.iter().flatten().flat_map(|(commit, _)| ids(commit)).count());
        for (commit, appended) in answers.iter().flatten() {
            let places: Vec<_> = ids(commit).map(|id| index[&id]).collect();
            assert!(places.is_sorted_by(|a, b| a + 1 == *b), "a commit's events follow each other: {places:?}");
            let first = log[places[0]].position.0;
            let positions = places.iter().map(|&place| log[place].position.0);
            assert!(positions.eq(first..first + places.len() as u64), "and so do their positions");
            assert_eq!(log[*places.last().unwrap()].position, appended.position);
        }
    }

    async fn the_log_keeps_the_order_of_every_stream(store, again) {
        write_all([&store, &again], 25).await;
        let log = whole_log(&*again).await;
        in_order(&log);
        assert!(log.is_sorted_by_key(|event| event.stored_at), "the times of storing never go back");
    }

    async fn heads_are_those_that_the_log_has_at_the_commit(store, again) {
        let answers = write_all([&store, &again], 25).await;
        let log = whole_log(&*store).await;
        for (commit, appended) in answers.iter().flatten() {
            for (part, head) in commit.parts.iter().zip(&appended.heads) {
                let last = part.events.last().unwrap().id;
                let stored = log.iter().find(|event| event.id == last).unwrap();
                assert_eq!(*head, StreamHead { version: stored.version, ..StreamHead::default() });
            }
        }
    }

    async fn what_begins_behind_an_answer_stands_behind_it(store, again) {
        let answered = Arc::new(AtomicU64::new(0));
        all((0..4).map(|writer: usize| {
            let store = if writer.is_multiple_of(2) { store.clone() } else { again.clone() };
            let answered = answered.clone();
            async move {
                for _ in 0..25 {
                    let before = answered.load(Ordering::SeqCst);
                    let position = append(&*store, &format!("a-{writer}"), events(1)).await.position.0;
                    assert!(position > before, "position {position} is behind one that was answered, {before}");
                    answered.fetch_max(position, Ordering::SeqCst);
                }
            }
        }))
        .await;
    }

    async fn readers_see_a_prefix_of_the_log_in_whole_commits(store, again) {
        let done = Arc::new(AtomicBool::new(false));
        let readers = [&store, &again].map(|store| {
            let (store, done) = (store.clone(), done.clone());
            tokio::spawn(async move {
                let mut seen: Vec<Vec<StoredEvent>> = Vec::new();
                let mut is_last = false;
                while !is_last {
                    is_last = done.load(Ordering::SeqCst);
                    let page = log(&*store, Position(0), &Filter::all(), 5_000).await;
                    if seen.last().is_none_or(|last| last.len() < page.events.len()) {
                        seen.push(page.events);
                    }
                    tokio::task::yield_now().await;
                }
                seen
            })
        });
        write_all([&store, &again], 25).await;
        done.store(true, Ordering::SeqCst);
        let whole = whole_log(&*store).await;
        for reader in readers {
            for seen in reader.await.unwrap() {
                assert!(whole.starts_with(&seen), "what a reader sees is a beginning of the log");
                let mut rest = &seen[..];
                while let Some(first) = rest.first() {
                    let count: usize = str::from_utf8(&first.metadata).unwrap().parse().unwrap();
                    assert!(count <= rest.len(), "a reader sees {} of {count} events of a commit", rest.len());
                    rest = &rest[count..];
                }
            }
        }
    }

    async fn of_many_that_expect_the_same_version_one_wins(store, again) {
        for version in 0..10 {
            let rivals = (0..8).map(|n| {
                let store = if n % 2 == 0 { store.clone() } else { again.clone() };
                async move { store.append(commit("a-1", Expected::Exact(version), events(1))).await }
            });
            let answers = all(rivals).await;
            let lost = answers.iter().filter(|answer| is_conflict(answer, version + 1)).count();
            let won = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!((won, lost), (1, 7), "at version {version}: {answers:?}");
        }
        assert_eq!(length(&*store).await, 10);
    }

    async fn of_many_that_make_a_stream_one_does(store, again) {
        for n in 0..10 {
            let name = format!("a-{n}");
            let rivals = (0..6).map(|rival| {
                let store = if rival % 2 == 0 { store.clone() } else { again.clone() };
                let commit = commit(&name, Expected::NoStream, events(2));
                async move { store.append(commit).await }
            });
            let made = all(rivals).await.into_iter().flatten().count();
            assert_eq!((made, head(&*store, &name).await), (1, open_head(2)));
        }
    }

    async fn whoever_retries_a_conflict_gets_through(store, again) {
        let writers = (0..4).map(|writer: usize| {
            let store = if writer.is_multiple_of(2) { store.clone() } else { again.clone() };
            async move {
                let (mut version, mut written) = (0, 0);
                while written < 10 {
                    match store.append(commit("a-1", Expected::Exact(version), events(1))).await {
                        Ok(appended) => {
                            assert_eq!(appended.heads, [open_head(version + 1)]);
                            (version, written) = (version + 1, written + 1);
                        }
                        Err(AppendError::Conflict { actual, .. }) => {
                            assert!(actual > version, "a conflict tells where the stream is");
                            version = actual;
                        }
                        Err(other) => panic!("neither stored nor a conflict: {other:?}"),
                    }
                }
            }
        });
        all(writers).await;
        assert_eq!(versions(&whole_log(&*store).await), (1..=40).collect::<Vec<_>>());
    }

    async fn a_commit_that_many_send_is_stored_once(store, again) {
        for _ in 0..10 {
            let one = Commit::all(vec![part("a-1", Expected::Any, events(2)), part("b-1", Expected::Any, events(1))]);
            let senders = (0..8).map(|n| {
                let (store, one) = (if n % 2 == 0 { store.clone() } else { again.clone() }, one.clone());
                async move { store.append(one).await.unwrap() }
            });
            let stored = all(senders).await.into_iter().filter(|answer| !answer.duplicate).count();
            assert_eq!(stored, 1, "a commit is stored by one of those who send it");
        }
        assert_eq!(length(&*store).await, 30);
    }

    async fn commits_that_are_refused_do_not_disturb_their_neighbours(store, again) {
        let taken = filled(&*store, "taken-1", 1).await[0];
        store.close_stream(&stream("closed-1"), Expected::Any, "").await.unwrap();
        let answers = all((0..80).map(|n: usize| {
            let store = if n % 8 < 4 { store.clone() } else { again.clone() };
            let mut second = event("Second");
            if n % 4 == 3 {
                second.id = taken;
            }
            let (name, expected) = match n % 4 {
                1 => ("closed-1".to_owned(), Expected::Any),
                2 => ("taken-1".to_owned(), Expected::Exact(9)),
                _ => (format!("good-{n}"), Expected::Any),
            };
            let commit = commit(&name, expected, vec![event("First"), second]);
            async move { (n % 4, store.append(commit).await) }
        }))
        .await;
        for answer in answers {
            match answer {
                (0, answer) => assert_eq!(answer.unwrap().heads, [open_head(2)]),
                (1, answer) => assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}"),
                (2, answer) => assert!(is_conflict(&answer, 1), "{answer:?}"),
                (_, answer) => assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}"),
            }
        }
        let log = whole_log(&*store).await;
        assert_eq!(log.len(), 41);
        in_order(&log);
    }

    async fn streams_that_cross_in_commits_do_not_block_each_other(store, again) {
        let answers = all((0..40).map(|n: usize| {
            let store = if n % 4 < 2 { store.clone() } else { again.clone() };
            let mut parts = vec![part("a-1", Expected::Any, events(1)), part("b-1", Expected::Any, events(1))];
            if n % 2 == 1 {
                parts.reverse();
            }
            async move { store.append(Commit::all(parts)).await }
        }))
        .await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!((head(&*store, "a-1").await, head(&*store, "b-1").await), (open_head(40), open_head(40)));
    }
}
