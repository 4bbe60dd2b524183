//! A machine that loses its power while a process writes.

use super::{chance, child, trace, verdict};
use es_core::store::{EventStore, SqliteStore};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use tests::server::process::often;
use tests::server::shim;
use trace::{Disk, Entry};

const NAME: &str = "events.db";
/// What is stored when the power is back.
const AFTER: &str = "after";

/// What children did that wrote to a file one after the other.
struct Story {
    entries: Vec<Entry>,
    /// What is stored at the end, in its order.
    commits: Vec<String>,
}

/// Has each child play its role on one file, in the environment that goes with it.
fn story(children: &[(&str, &[(&str, &str)])]) -> Story {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().canonicalize().unwrap();
    let (file, entries) = (place.join("disk").join(NAME), place.join("trace"));
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let shims = ["faults/trace.c", "faults/shim.c"].map(|source| shim::built(source, &place));
    let shims = shims.map(|shim| shim.to_str().unwrap().to_owned()).join(":");
    for (role, environment) in children {
        let mut environment = environment.to_vec();
        environment.push(("LD_PRELOAD", &shims));
        environment.push(("ES_TRACE", entries.to_str().unwrap()));
        let output = child::start(role, &file, &environment).wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Story { entries: trace::read(&entries), commits: verdict::commits(&file) }
}

impl Story {
    /// So many moments, each before the entry of this number: any, those in which most is not yet synced, those
    /// in which somebody has just been answered, and those in which the log is moved into the file.
    fn moments(&self, count: u32, chance: &mut fastrand::Rng) -> BTreeSet<usize> {
        let before = |is_it: fn(&Entry) -> bool| -> Vec<usize> {
            self.entries.iter().enumerate().filter(|(_, entry)| is_it(entry)).map(|(at, _)| at).collect()
        };
        let any = (0..=self.entries.len()).collect();
        let syncs = before(|entry| matches!(entry, Entry::Sync { .. }));
        let answers = before(|entry| acknowledged(entry).is_some()).into_iter().map(|at| at + 1).collect();
        let moves = before(|entry| matches!(entry, Entry::Write { name, .. } if name == NAME));
        let kinds = [any, syncs, answers, moves];
        (0..count).zip(kinds.iter().cycle()).map(|(_, kind)| *chance.choice(kind).unwrap()).collect()
    }

    /// Takes the power away at so many moments, and looks at what is left. Answers what was acknowledged and
    /// is not there, for each.
    fn without_power(&self, count: u32, chance: &mut fastrand::Rng) -> Vec<usize> {
        let moments = self.moments(count, chance);
        let (mut disk, mut heard) = (Disk::default(), HashSet::new());
        let mut lost = Vec::new();
        let mut at = 0;
        for moment in moments {
            for entry in &self.entries[at..moment] {
                disk.play(entry);
                heard.extend(acknowledged(entry));
            }
            at = moment;
            let _told = Told(format!("the power went away at {moment} of {}", self.entries.len()));
            let found = self.left_on(&disk, chance);
            lost.push(heard.iter().filter(|key| !found.contains(**key)).count());
        }
        lost
    }

    /// The commits that a disk still has, after it was checked that the store goes on, that they are where they
    /// were, and that the file is sound.
    fn left_on(&self, disk: &Disk, chance: &mut fastrand::Rng) -> HashSet<String> {
        let folder = tempfile::tempdir().unwrap();
        disk.lose_power(folder.path(), chance);
        let file = folder.path().join(NAME);
        goes_on(&file);
        let mut found = verdict::commits(&file);
        assert_eq!(found.pop().as_deref(), Some(AFTER));
        assert!(self.commits.starts_with(&found), "what is left is no beginning of what was stored");
        assert!(verdict::is_sound(&file));
        found.into_iter().collect()
    }

    /// Whether the log was moved into the file between two answers.
    fn has_a_checkpoint_on_the_way(&self) -> bool {
        let answers = |entries: &[Entry]| entries.iter().any(|entry| acknowledged(entry).is_some());
        self.entries.iter().enumerate().any(|(at, entry)| {
            matches!(entry, Entry::Sync { name } if name == NAME)
                && answers(&self.entries[..at])
                && answers(&self.entries[at..])
        })
    }
}

/// Says where it was when something was found.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

/// What a child was told that it is stored.
fn acknowledged(entry: &Entry) -> Option<&str> {
    let Entry::Said(line) = entry else { return None };
    let key = line.strip_prefix("stored ").or_else(|| line.strip_prefix("duplicate "))?;
    key.strip_suffix('\n')
}

fn goes_on(file: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(file).await.unwrap();
        store.append(child::three_events(AFTER, 0, AFTER)).await.unwrap();
        store.close().await;
    });
}

#[test]
fn a_loss_of_power_takes_nothing_that_was_acknowledged() {
    let mut chance = chance();
    let story = story(&[(child::WRITE_MUCH, &[])]);
    assert!(story.has_a_checkpoint_on_the_way());
    let lost = story.without_power(often(24, 1_000), &mut chance);
    assert_eq!(lost.iter().sum::<usize>(), 0, "acknowledged and lost");
    println!("power lost {} times around a checkpoint: nothing lost that was acknowledged", lost.len());
}

#[test]
fn a_loss_of_power_does_not_take_what_a_killed_process_had_left() {
    let mut chance = chance();
    let (kills, mut losses) = (often(4, 50), 0);
    for _ in 0..kills {
        let end = chance.usize(1..40).to_string();
        let story = story(&[(child::WRITE_SOME, &[("ES_TRACE_END", &end)]), (child::WRITE_SOME, &[])]);
        let lost = story.without_power(often(25, 100), &mut chance);
        assert_eq!(lost.iter().sum::<usize>(), 0, "acknowledged and lost; killed at its {end}th sync");
        losses += lost.len();
    }
    println!("power lost {losses} times after {kills} kills: nothing lost that was acknowledged");
}

#[test]
fn a_loss_of_power_does_not_take_what_a_failed_sync_had_given_up() {
    let mut chance = chance();
    let (failures, mut losses) = (often(4, 50), 0);
    for many in [1, 2, 30].into_iter().cycle().take(failures as usize) {
        let plan = format!("{}:{many}", chance.usize(3..20));
        let story = story(&[(child::WRITE_SOME, &[("ES_SHIM_FAIL_SYNC", &plan)])]);
        let lost = story.without_power(often(25, 100), &mut chance);
        assert_eq!(lost.iter().sum::<usize>(), 0, "acknowledged and lost; syncs failed: {plan}");
        losses += lost.len();
    }
    println!("power lost {losses} times after {failures} failed syncs: nothing lost that was acknowledged");
}

#[test]
fn a_loss_of_power_takes_the_end_of_the_log_where_that_was_asked_for() {
    let mut chance = chance();
    let mut lost = Vec::new();
    for role in [child::WRITE_MUCH, child::WRITE_SOME] {
        let story = story(&[(role, &[(child::RELAXED, "")])]);
        lost.append(&mut story.without_power(often(12, 500), &mut chance));
    }
    let times = lost.len();
    let losses = lost.into_iter().filter(|commits| *commits > 0).count();
    // Otherwise neither is anything found in the other cases.
    assert!(losses > 0, "nothing was lost without a sync");
    println!("power lost {times} times with relaxed durability: {losses} times the log ends earlier");
}

#[test]
fn a_loss_of_power_does_not_damage_a_file_that_the_log_could_not_be_moved_into_at_first() {
    let mut chance = chance();
    // The first sync is for the beginning of the log, the second for all that is to be moved into the file.
    let fails = [(child::RELAXED, ""), ("ES_SHIM_FAIL_SYNC", "2")];
    let story = story(&[(child::WRITE_SOME, &[(child::RELAXED, "")]), (child::WRITE_MUCH, &fails)]);
    assert!(story.has_a_checkpoint_on_the_way());
    let times = story.without_power(often(24, 1_000), &mut chance).len();
    println!("power lost {times} times around a checkpoint that failed first: nothing is damaged");
}
