//! A run that is killed loses no line that it has answered, and playing the statement again finishes it.

use crate::kit::Bank;
use std::collections::HashSet;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Deposits, withdrawals of which many are refused, and transfers.
fn statement(random: &mut fastrand::Rng, lines: usize) -> String {
    let mut statement = String::new();
    for n in 0..10 {
        let open = format!(r#"{{"id": "o{n}", "command": "OpenAccount", "account": "a{n}", "owner": "A"}}"#);
        writeln!(statement, "{open}").unwrap();
    }
    for n in 0..lines {
        let (from, to, amount) = (random.u32(..10), random.u32(..10), random.u32(1..100));
        let command = match random.u32(..3) {
            0 => format!(r#""command": "Deposit", "account": "a{to}""#),
            1 => format!(r#""command": "Withdraw", "account": "a{from}""#),
            _ => format!(r#""command": "Transfer", "from": "a{from}", "to": "a{to}""#),
        };
        writeln!(statement, r#"{{"id": "{n}", {command}, "amount": {amount}}}"#).unwrap();
    }
    statement
}

/// What is on the accounts, and what happened to each, without the times.
fn state(bank: &Bank) -> String {
    let mut state = bank.run(&["accounts"]).out;
    for n in 0..10 {
        for row in bank.run(&["history", &format!("a{n}")]).out.lines().skip(1) {
            let without_time =
                row.split_whitespace().enumerate().filter(|(n, _)| *n != 1).map(|(_, cell)| cell);
            state.extend(without_time.chain(["\n"]));
        }
    }
    state
}

#[test]
fn a_run_that_was_killed_is_finished_by_playing_it_again() {
    let seed = std::env::var("BANK_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("BANK_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let statement = statement(&mut random, 6_000);

    let undisturbed = Bank::new();
    undisturbed.file("statement.jsonl", &statement);
    undisturbed.run(&["run", "statement.jsonl"]);

    let bank = Bank::new();
    bank.file("statement.jsonl", &statement);
    for _ in 0..4 {
        let mut run = bank.command(&["run", "statement.jsonl", "--answers"]);
        let mut child = run.stderr(Stdio::null()).spawn().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        // Early: whoever reads has to be faster than the rest of the statement.
        let wanted = random.usize(1..200);
        let mut answered = Vec::new();
        answered.extend(answers.by_ref().take(wanted).map_while(Result::ok));
        child.kill().unwrap();
        child.wait().unwrap();
        answered.extend(answers.map_while(Result::ok));
        has_all(&bank, &answered);
    }
    let rest = bank.run(&["run", "statement.jsonl"]);
    assert!(!rest.out.contains(": 0 recorded"), "nothing was left to do: {}", rest.out);
    assert_eq!(state(&bank), state(&undisturbed));
}

/// Every line that was answered is in the history of some account.
fn has_all(bank: &Bank, answered: &[String]) {
    let histories: String = (0..10).map(|n| bank.run(&["history", &format!("a{n}")]).out).collect();
    let recorded: HashSet<_> = histories.lines().filter_map(|row| row.split_whitespace().last()).collect();
    for (n, answer) in answered.iter().enumerate() {
        match serde_json::from_str::<serde_json::Value>(answer) {
            Ok(answer) => {
                let id = answer["id"].as_str().unwrap();
                assert!(recorded.contains(id), "line {id} was answered and is lost");
            }
            // The last one may have been cut off by the kill.
            Err(error) => assert_eq!(n + 1, answered.len(), "{answer}: {error}"),
        }
    }
}
