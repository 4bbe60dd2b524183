//! Commands that are carried out again and again, and events that are followed again.

use super::child;
use super::counter::{Add, Counter, CounterId, Sums, TASKS, app};
use super::site::Site;
use es_core::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Lines};
use std::process::ChildStderr;
use std::time::Duration;
use tests::server::child::Actor;
use tests::server::process::{often, until};
use tokio::time::sleep;

/// Reads on until a process has said this, and answers what it said before.
fn until_said(lines: &mut Lines<BufReader<ChildStderr>>, wanted: &str) -> Vec<String> {
    let mut before = Vec::new();
    for line in lines {
        let line = line.unwrap();
        if line == wanted {
            return before;
        }
        before.push(line);
    }
    panic!("it does not say {wanted:?}, but {before:?}");
}

fn started(role: &str, url: &str, word: &str) -> (Actor, Lines<BufReader<ChildStderr>>) {
    let mut actor = child::start(role, url, word);
    let mut lines = BufReader::new(actor.says()).lines();
    until_said(&mut lines, "ready");
    (actor, lines)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_command_that_is_repeated_everywhere_is_carried_out_once() {
    let (commands, times) = (often(3, 20), 63);
    let site = Site::new().await;
    let ids: Vec<_> = (0..commands).map(|_| Uuid::now_v7()).collect();
    let mut answers: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    let mut calls = 0;
    // The second time, the processes are new ones.
    for _ in 0..2 {
        let mut processes: Vec<_> =
            (0..2).map(|_| started(child::REPEAT, &site.server.url(), &times.to_string())).collect();
        for id in &ids {
            for (actor, _) in &mut processes {
                actor.tell(&id.to_string());
            }
            for (_, lines) in &mut processes {
                let said = until_said(lines, &format!("{id} done"));
                assert_eq!(said.len(), times * TASKS, "{said:?}");
                calls += said.len();
                answers.entry(*id).or_default().extend(said);
            }
        }
    }
    assert!(answers.values().all(|answers| answers.len() == 1), "all are told the same: {answers:?}");
    let app = app(&site.store().await).await;
    let history = app.history::<Counter>(&CounterId::named("repeated")).await.unwrap();
    assert_eq!(history.len(), ids.len());
    println!("{calls} calls of {commands} commands by 4 processes: {} events", history.len());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_projection_whose_process_is_killed_counts_everything_once() {
    let kills = often(5, 50);
    let site = Site::new().await;
    let store = site.store().await;
    let app = app(&store).await;
    let mut commands = 0;
    let mut add = async |times: u32| {
        for _ in 0..times {
            let counter = CounterId::named(&(commands % 4).to_string());
            app.execute(Add { counter, of: commands }).await.unwrap();
            commands += 1;
        }
    };
    for _ in 0..kills {
        add(20).await;
        let (actor, _lines) = started(child::FOLLOW, &site.server.url(), "");
        add(20).await;
        sleep(Duration::from_millis(fastrand::u64(0..60))).await;
        actor.kill9();
    }
    let (_actor, _lines) = started(child::FOLLOW, &site.server.url(), "");
    let head = app.execute(Add { counter: CounterId::named("0"), of: 0 }).await.unwrap().position;
    until("it has counted everything", async || {
        let processors = store.processors("").await.unwrap();
        processors.iter().any(|known| known.name.contains("sums") && known.checkpoint.position >= head)
    })
    .await;
    for counter in 0..4 {
        let id = CounterId::named(&counter.to_string());
        let history = app.history::<Counter>(&id).await.unwrap();
        let counted = app.document::<Sums>(&id).await.unwrap().unwrap();
        let sum = app.load::<Counter>(&id).await.unwrap().unwrap().sum;
        assert_eq!((counted.added as usize, counted.sum), (history.len(), sum), "counter {counter}");
    }
    println!(
        "projection killed {kills} times while {commands} commands were carried out: none counted twice"
    );
}
