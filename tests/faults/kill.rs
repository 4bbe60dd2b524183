//! A process that is killed while it writes.

use super::{chance, child, verdict};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::time::Duration;
use tests::server::process::often;

/// So many rounds on one file, so that looking at it does not take ever longer.
const ROUNDS: usize = 10;

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let mut random = chance();
    let mut unacknowledged = 0;
    let files = often(10, 20);
    for _ in 0..files {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.db");
        let mut acknowledged = HashSet::new();
        for round in 0..ROUNDS {
            let child = child::start(&format!("write {round}"), &file, &[]);
            let before = acknowledged.len();
            acknowledged.extend(stored_until_killed(child, Duration::from_millis(random.u64(5..=80))));
            assert!(acknowledged.len() > before, "the child has written nothing");
            let found: HashSet<_> = verdict::commits(&file).into_iter().collect();
            let lost: Vec<_> = acknowledged.difference(&found).collect();
            assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
            unacknowledged += found.len() - acknowledged.len();
            // Stored without an answer: from now on it must stay like everything else.
            acknowledged = found;
        }
        assert!(verdict::is_sound(&file));
    }
    println!(
        "writer killed {} times: {unacknowledged} commits were stored of which it had not heard",
        files as usize * ROUNDS
    );
}

/// What the child says it has stored, until it is killed some time after its first answer.
fn stored_until_killed(mut child: Child, delay: Duration) -> Vec<String> {
    let mut reports = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    reports.read_line(&mut line).unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = line;
        reports.read_to_string(&mut text).unwrap();
        text
    });
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    let text = reader.join().unwrap();
    // A line without its end was cut off by the kill.
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole.map(|line| line.strip_prefix("stored ").unwrap_or_else(|| panic!("{text}")).to_owned()).collect()
}
