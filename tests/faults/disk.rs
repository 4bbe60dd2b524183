//! A disk that fails to sync, and one that is full.

use super::{child, verdict};
use std::path::Path;
use tests::server::shim;

/// What a child reports that plays `role` on a file over the shim, from beginning to end. The file is made
/// without it.
fn play(role: &str, file: &Path, plan: (&str, &str)) -> Vec<String> {
    assert!(verdict::commits(file).is_empty());
    let folder = tempfile::tempdir().unwrap();
    let shim = shim::built("faults/shim.c", folder.path());
    let child = child::start(role, file, &[("LD_PRELOAD", shim.to_str().unwrap()), plan]);
    let output = child.wait_with_output().unwrap();
    let reports = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{reports}");
    reports.lines().map(str::to_owned).collect()
}

/// The keys of those reports that begin with `word`.
fn keys(reports: &[String], word: &str) -> Vec<String> {
    let mut keys: Vec<_> =
        reports.iter().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect();
    keys.sort();
    keys
}

fn a_failing_sync_loses_and_doubles_nothing(role: &str, plan: &str) -> Vec<String> {
    a_failure_loses_and_doubles_nothing(role, ("ES_SHIM_FAIL_SYNC", plan), "sync failed")
}

fn a_failure_loses_and_doubles_nothing(role: &str, plan: (&str, &str), failure: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let reports = play(role, &file, plan);
    assert!(reports.iter().any(|line| line == failure), "the fault did not happen: {plan:?}");
    let stored = keys(&reports, "stored ");
    let others: Vec<_> = reports.iter().filter(|line| !line.starts_with("stored ")).collect();
    assert_eq!(stored.len(), 160, "{role}, {plan:?}: {others:?}");
    let mut found = verdict::commits(&file);
    found.sort();
    assert_eq!(stored, found, "{role}, {plan:?}");
    assert!(verdict::is_sound(&file));
    reports
}

#[test]
fn a_commit_that_fails_once_is_settled_before_it_is_answered() {
    for n in [1, 2, 3, 5, 8, 13] {
        settled_unheard(&n.to_string());
    }
}

#[test]
fn a_commit_that_is_found_in_the_log_after_all_is_no_duplicate() {
    // The second failure is that of the log as it is written once more.
    for n in [2, 3, 8] {
        settled_unheard(&format!("{n}:2"));
    }
}

fn settled_unheard(plan: &str) {
    for role in [child::WRITE_SOME, child::WRITE_SOME_BESIDE_A_READER] {
        let reports = a_failing_sync_loses_and_doubles_nothing(role, plan);
        assert!(!reports.contains(&"unknown".to_owned()), "{role}, {plan}");
    }
}

#[test]
fn a_commit_that_keeps_failing_is_unknown_until_it_is_sent_again() {
    for n in [1, 2, 7] {
        for role in [child::WRITE_SOME, child::WRITE_SOME_BESIDE_A_READER] {
            let reports = a_failing_sync_loses_and_doubles_nothing(role, &format!("{n}:30"));
            assert!(reports.contains(&"unknown".to_owned()));
        }
    }
}

#[test]
fn a_write_to_the_log_that_fails_loses_and_doubles_nothing() {
    for plan in ["1", "2", "3", "10", "50", "100", "3:2", "4:10", "20:100"] {
        let plan = ("ES_SHIM_FAIL_WRITE", plan);
        a_failure_loses_and_doubles_nothing(child::WRITE_SOME, plan, "write failed");
    }
}

#[test]
fn a_log_that_cannot_be_moved_into_the_file_is_moved_later() {
    for plan in ["1", "2", "100", "1:40"] {
        let plan = ("ES_SHIM_FAIL_MOVE", plan);
        a_failure_loses_and_doubles_nothing(child::WRITE_MUCH, plan, "write failed");
    }
}

#[test]
fn what_a_failing_sync_leaves_of_processors_is_done_once() {
    for plan in ["1", "2", "4", "5", "6", "7", "5:2", "9:30", "10:30"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.db");
        let reports = play(child::COUNT, &file, ("ES_SHIM_FAIL_SYNC", plan));
        assert!(reports.iter().any(|line| line == "sync failed"), "the fault did not happen: {plan}");
        let connection = rusqlite::Connection::open(&file).unwrap();
        let number = |sql| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
        assert_eq!(number("SELECT n FROM counted"), child::COUNTED, "{plan}");
        assert_eq!(number("SELECT revision FROM documents"), child::COUNTED, "{plan}");
        assert_eq!(number("SELECT min(position) FROM processors"), child::COUNTED, "{plan}");
        assert!(verdict::is_sound(&file));
    }
}

#[test]
fn a_full_disk_is_unavailable_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.db");
    let flag = folder.path().join("full");
    let flag = flag.to_str().unwrap();
    let reports = play(&format!("fill {flag}"), &file, ("ES_SHIM_FULL", flag));
    assert!(reports.iter().filter(|line| *line == "disk full").count() >= 3, "{reports:?}");
    let answers: Vec<_> = reports.iter().filter(|line| *line != "disk full").collect();
    assert_eq!(
        answers,
        [
            "stored before",
            "unavailable refused",
            "unavailable refused",
            "unavailable refused",
            "stored refused",
            "stored after"
        ]
    );
    let mut found = verdict::commits(&file);
    found.sort();
    assert_eq!(found, ["after", "before", "refused"]);
    assert!(verdict::is_sound(&file));
}
