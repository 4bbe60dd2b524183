//! Playing statements: what is wrong with a line, and what becomes of the others.

use crate::kit::Bank;

const GOOD: &str = r#"{"id": "good", "command": "Deposit", "account": "ann", "amount": 1}"#;

/// Plays a line that is bad and one that is good: the first is named with its number, the second counts.
#[track_caller]
fn fails(bad: impl AsRef<[u8]>, words: &[&str]) {
    let bank = Bank::with_ann(5_000);
    let said = bank.play([b"\n", bad.as_ref(), b"\n", GOOD.as_bytes()].concat());
    assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{said:?}");
    assert!(said.err.starts_with("line 2"), "{said:?}");
    for word in words {
        assert!(said.err.contains(word), "`{word}` is missing: {said:?}");
    }
    assert_eq!(said.out, "2 lines played: 1 recorded, 1 failed.\n");
    assert_eq!(bank.balance("ann"), "50.01 EUR");
}

#[test]
fn a_line_that_is_no_json() {
    fails(r#"{"id": "7", "#, &["line 2:", "EOF", "column"]);
    fails("[1, 2]", &["expected a JSON object"]);
}

#[test]
fn a_line_that_is_no_utf8() {
    fails(b"{\"id\": \"\xff\"}", &["not UTF-8 behind byte 8"]);
}

#[test]
fn a_line_without_end() {
    fails(vec![b'x'; 100_000], &["longer than 65536 bytes"]);
}

#[test]
fn a_line_without_id_or_command() {
    fails(r#"{"command": "Deposit", "account": "ann", "amount": 1}"#, &["`id` is missing"]);
    fails(r#"{"id": "7", "account": "ann", "amount": 1}"#, &["`command` is missing"]);
}

#[test]
fn a_line_that_says_something_twice() {
    let twice = r#"{"id": "7", "command": "Deposit", "account": "ann", "amount": 1, "amount": 2}"#;
    fails(twice, &["`amount` is given twice"]);
}

#[test]
fn a_command_that_there_is_not() {
    let unknown = r#"{"id": "7", "command": "Deposti", "account": "ann", "amount": 1}"#;
    fails(
        unknown,
        &["(7)", "no command \"Deposti\"", "CloseAccount, Deposit, OpenAccount, Transfer, Withdraw"],
    );
    // What the program says to itself is nothing that a statement can say.
    fails(
        r#"{"id": "7", "command": "RefuseLine", "line": "x", "reason": "y"}"#,
        &["no command \"RefuseLine\""],
    );
}

#[test]
fn a_field_that_there_is_not() {
    let unknown = r#"{"id": "7", "command": "Deposit", "account": "ann", "amount": 1, "colour": "red"}"#;
    fails(unknown, &["Deposit", "unknown field `colour`"]);
    let unknown = r#"{"id": "7", "command": "Transfer", "from": "ann", "to": "bob", "amount": 1, "x": 1}"#;
    fails(unknown, &["Transfer", "unknown field `x`"]);
}

#[test]
fn an_amount_that_is_none() {
    let fraction = r#"{"id": "7", "command": "Deposit", "account": "ann", "amount": 1.5}"#;
    fails(fraction, &["amount", "1.5"]);
    fails(r#"{"id": "7", "command": "Deposit", "account": "ann", "amount": -1}"#, &["amount", "-1"]);
}

#[test]
fn a_command_that_is_refused() {
    let overdraft = r#"{"id": "7", "command": "Withdraw", "account": "ann", "amount": 9000}"#;
    fails(overdraft, &["(7)", "refused", "90.00 EUR", "50.00 EUR"]);
    let nobody = r#"{"id": "7", "command": "Deposit", "account": "bob", "amount": 1}"#;
    fails(nobody, &["refused: there is no account \"bob\""]);
}

#[test]
fn a_transfer_that_cannot_arrive_does_not_leave() {
    let lost = r#"{"id": "7", "command": "Transfer", "from": "ann", "to": "nobody", "amount": 100}"#;
    fails(lost, &["refused: there is no account \"nobody\""]);
    let own = r#"{"id": "7", "command": "Transfer", "from": "ann", "to": "ann", "amount": 100}"#;
    fails(own, &["from ann to ann is no transfer"]);
}

#[test]
fn an_id_that_another_command_had() {
    let reused = r#"{"id": "first", "command": "Withdraw", "account": "ann", "amount": 1}"#;
    fails(reused, &["its id was used before", "Deposit"]);
}

#[test]
fn a_terminal_is_not_told_what_to_do() {
    let bell = r#"{"id": "\u001b[2J", "command": "Deposit", "account": "\u0007", "amount": 1}"#;
    fails(bell, &["\\u{1b}[2J", "\\u{7}"]);
}

#[test]
fn a_line_that_was_refused_stays_refused() {
    let bank = Bank::with_ann(100);
    let statement = r#"{"id": "1", "command": "Withdraw", "account": "ann", "amount": 500}
                       {"id": "2", "command": "Deposit", "account": "ann", "amount": 1000}"#;
    bank.play(statement);
    let again = bank.play(statement);
    assert!(again.err.contains("line 1 (1): refused before: 5.00 EUR were asked for"), "{again:?}");
    assert_eq!((again.code, bank.balance("ann").as_str()), (Some(1), "11.00 EUR"));
    let corrected = bank.play(r#"{"id": "1", "command": "Withdraw", "account": "ann", "amount": 100}"#);
    assert_eq!((corrected.code, bank.balance("ann").as_str()), (Some(0), "10.00 EUR"));
}

#[test]
fn strictly_nothing_is_done_behind_the_first_line_that_fails() {
    let bank = Bank::with_ann(100);
    let before = r#"{"id": "before", "command": "Deposit", "account": "ann", "amount": 10}"#;
    let said = bank.play_with(&["--strict"], format!("{before}\nnonsense\n{GOOD}\n"));
    assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{said:?}");
    assert_eq!(said.out, "2 lines played: 1 recorded, 1 failed. That is where it stopped.\n");
    assert_eq!(bank.balance("ann"), "1.10 EUR");
}

#[test]
fn ends_of_lines_and_marks_of_other_systems_are_no_fault() {
    let bank = Bank::with_ann(100);
    let said = bank.play(format!("\u{feff}{GOOD}\r\n   \r\n\n"));
    assert_eq!((said.code, said.out.as_str()), (Some(0), "1 line played: 1 recorded.\n"), "{said:?}");
}

#[test]
fn an_empty_statement_is_one() {
    let said = Bank::new().play("");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "0 lines played: 0 recorded.\n"));
}

#[test]
fn a_statement_that_cannot_be_read() {
    let bank = Bank::new();
    bank.run(&["run", "missing.jsonl"]).is_one_complaint(&["cannot read missing.jsonl", "No such file"]);
    bank.run(&["run", "."]).is_one_complaint(&["cannot read .", "directory"]);
}

#[test]
fn answers_are_json_and_say_what_was_known() {
    let bank = Bank::with_ann(100);
    let first = bank.play_with(&["--answers"], GOOD);
    let answer: serde_json::Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!((&answer["id"], &answer["reply"]["cents"]), (&"good".into(), &101.into()));
    assert_eq!((&answer["version"], &answer["duplicate"]), (&3.into(), &false.into()));
    let again = bank.play_with(&["--answers"], GOOD);
    let answer: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&answer["reply"]["cents"], &answer["duplicate"]), (&101.into(), &true.into()));
}
