//! Commits that come while a call is on its way go together in the next one.

use crate::kit::superuser;
use crate::kit::{Held, calls, commit, event, events, fresh, one, spawned, value};
use es_core::StreamId;
use es_core::store::{
    Append, AppendError, Commit, EventStore, Expected, MAX_COMMIT_BYTES, NewEvent, StoreClosed,
};

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn many_commits_take_few_calls() {
    let (store, schema) = fresh().await;
    let mut held = Held::of(&schema).await;
    let first = spawned(&store, [one("a-0")]);
    held.waits(&[]).await;
    let others = spawned(&store, (1..=64).map(|n| one(&format!("a-{n}"))));
    tokio::task::yield_now().await;
    held.let_go().await;
    let mut positions = Vec::new();
    for append in first.into_iter().chain(others) {
        positions.push(append.await.unwrap().unwrap().position.0);
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=65).collect::<Vec<_>>());
    assert_eq!(calls(&schema).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn commits_to_one_stream_go_one_behind_the_other() {
    let (store, schema) = fresh().await;
    let mut held = Held::of(&schema).await;
    let appends =
        spawned(&store, (0..8).map(|version| commit("a-1", Expected::Exact(version), vec![event()])));
    held.waits(&[]).await;
    held.let_go().await;
    for (version, append) in (1..).zip(appends) {
        assert_eq!(append.await.unwrap().unwrap().heads[0].version, version);
    }
    assert_eq!(calls(&schema).await, 8);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_that_cannot_be_hurts_no_other() {
    let (store, schema) = fresh().await;
    let taken = event();
    store.append(commit("a-0", Expected::Any, vec![taken.clone()])).await.unwrap();
    let mut held = Held::of(&schema).await;
    let first = spawned(&store, [one("b-0")]);
    held.waits(&[]).await;
    let twice = event();
    let both = |other: &str| Append {
        stream: StreamId::named(other),
        expected: Expected::Exact(7),
        edits: None,
        events: vec![event()],
    };
    let mut torn = one("d-1");
    torn.parts.push(both("d-2"));
    let others = spawned(
        &store,
        vec![
            one("b-1"),
            commit("c-1", Expected::Any, vec![event(), taken.clone()]),
            one("b-2"),
            commit("c-2", Expected::Exact(5), vec![event()]),
            commit("c-3", Expected::Any, vec![twice.clone(), twice.clone()]),
            torn,
            one("b-3"),
        ],
    );
    tokio::task::yield_now().await;
    held.let_go().await;
    for append in first {
        append.await.unwrap().unwrap();
    }
    let mut answers = Vec::new();
    for append in others {
        answers.push(append.await.unwrap());
    }
    let is_taken = |answer: &AppendError, event: &NewEvent| matches!(answer, AppendError::Invalid { reason } if reason.contains(&event.id.to_string()));
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap();
    assert_eq!(next().unwrap().position.0, 3);
    assert!(is_taken(&next().unwrap_err(), &taken));
    assert_eq!(next().unwrap().position.0, 4);
    assert!(matches!(next(), Err(AppendError::Conflict { actual: 0, .. })));
    assert!(is_taken(&next().unwrap_err(), &twice));
    assert!(matches!(next(), Err(AppendError::Conflict { stream, .. }) if stream.as_str() == "d-2"));
    assert_eq!(next().unwrap().position.0, 5);
    assert_eq!(events(&schema).await, 5);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_is_refused_in_a_call_leaves_no_hole() {
    let (store, schema) = fresh().await;
    let mut held = Held::of(&schema).await;
    let first = spawned(&store, [one("b-0")]);
    held.waits(&[]).await;
    let wrong = || commit("c-1", Expected::Exists, vec![event(), event(), event()]);
    let others =
        spawned(&store, vec![wrong(), commit("b-1", Expected::NoStream, vec![event(), event()]), one("b-2")]);
    tokio::task::yield_now().await;
    held.let_go().await;
    let mut positions = Vec::new();
    for append in first.into_iter().chain(others) {
        positions.push(append.await.unwrap().ok().map(|appended| appended.position.0));
    }
    assert_eq!(positions, [Some(1), None, Some(3), Some(4)]);
    let dense = "SELECT count(*) = max(position) AND count(*) = 4 FROM {es}.events";
    assert!(value::<bool>(&mut superuser().await, &schema, dense).await);
    assert_eq!(calls(&schema).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_dropped_future_tears_nothing() {
    let (store, schema) = fresh().await;
    let mut held = Held::of(&schema).await;
    let appends = spawned(&store, [one("a-1"), one("a-2")]);
    held.waits(&[]).await;
    for append in appends {
        append.abort();
        assert!(append.await.unwrap_err().is_cancelled());
    }
    held.let_go().await;
    store.close().await;
    assert_eq!(events(&schema).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn closing_finishes_what_was_begun_and_answers_what_comes_later() {
    let (store, schema) = fresh().await;
    let mut held = Held::of(&schema).await;
    let appends = spawned(&store, [one("a-1"), one("a-1"), one("a-2")]);
    held.waits(&[]).await;
    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    tokio::task::yield_now().await;
    let late = spawned(&store, [one("a-3")]);
    tokio::task::yield_now().await;
    held.let_go().await;
    for append in appends {
        append.await.unwrap().unwrap();
    }
    closing.await.unwrap();
    store.close().await;
    let is_closed = |answer: Result<_, AppendError>| matches!(answer, Err(AppendError::Unavailable { cause }) if cause.is::<StoreClosed>());
    for append in late {
        assert!(is_closed(append.await.unwrap().map(drop)));
    }
    assert!(is_closed(store.append(one("a-3")).await.map(drop)));
    assert!(is_closed(store.close_stream(&StreamId::named("a-1"), Expected::Any, "").await));
    assert_eq!(events(&schema).await, 3);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn the_largest_commits_and_the_most_callers_come_through() {
    let (store, schema) = fresh().await;
    let large = |n| {
        let payload = vec![b' '; MAX_COMMIT_BYTES - 2].into();
        commit(&format!("large-{n}"), Expected::NoStream, vec![NewEvent { payload, ..event() }])
    };
    let many = |n| commit(&format!("many-{n}"), Expected::NoStream, (0..1_000).map(|_| event()).collect());
    let parts = (0..1_000).flat_map(|n| one(&format!("part-{n}")).parts).collect();
    let mut commits = vec![Commit::all(parts)];
    commits.extend((0..6).map(large));
    commits.extend((0..3).map(many));
    commits.extend((0..300).map(|n| one(&format!("small-{n}"))));
    for append in spawned(&store, commits) {
        append.await.unwrap().unwrap();
    }
    assert_eq!(events(&schema).await, 1_000 + 6 + 3_000 + 300);
    let dense = "SELECT max(position) = count(*) FROM {es}.events";
    assert!(value::<bool>(&mut superuser().await, &schema, dense).await);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_waits_too_long_is_not_sent_whether_there_was_room_for_it_or_not() {
    let (store, schema) = fresh().await;
    let held = Held::of(&schema).await;
    // Three of these are all that there is room for.
    let large = |n| {
        let payload = vec![b' '; MAX_COMMIT_BYTES - 2].into();
        commit(&format!("large-{n}"), Expected::NoStream, vec![NewEvent { payload, ..event() }])
    };
    let mut commits = vec![one("a-1")];
    commits.extend((0..6).map(large));
    commits.push(one("a-1"));
    let mut appends = spawned(&store, commits).into_iter();
    let sent = appends.next().unwrap();
    for append in appends {
        let answer = append.await.unwrap();
        let Err(AppendError::Unavailable { cause }) = answer else { panic!("{answer:?}") };
        assert!(cause.to_string().ends_with("was not sent"), "{cause}");
    }
    assert!(sent.await.unwrap().is_err());
    held.let_go().await;
    store.append(one("a-2")).await.unwrap();
    store.close().await;
    let large = "SELECT count(*) FROM {es}.events WHERE category = 'large'";
    assert_eq!(value::<i64>(&mut superuser().await, &schema, large).await, 0);
}
