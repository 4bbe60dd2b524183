//! Looking at accounts.

use crate::kit::Bank;
use std::io::{BufRead, BufReader};

#[test]
fn without_a_command_it_plays_the_bundled_statement_and_shows_the_accounts() {
    let bank = Bank::new();
    let said = bank.run(&[]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.contains("12 lines played: 12 recorded."), "{said:?}");
    let table = "\
ACCOUNT  OWNER             BALANCE  VERSION  STATE
ann      Ann Winter    1629.50 EUR        4  open
bob      Bob Sommer     772.51 EUR        4  open
carla    Carla Herbst   799.95 CHF        3  open
dan      Dan Frühling     0.00 EUR        4  closed
";
    assert!(said.out.contains(table), "{}", said.out);
}

#[test]
fn the_bundled_statement_can_be_played_as_often_as_one_likes() {
    let bank = Bank::new();
    bank.run(&[]);
    let accounts = bank.run(&["accounts"]).out;
    let again = bank.run(&[]);
    assert_eq!(again.code, Some(0));
    assert!(again.out.contains("0 recorded, 12 known from before, which changed nothing"), "{again:?}");
    assert_eq!(bank.run(&["accounts"]).out, accounts);
}

#[test]
fn an_account_is_shown_as_it_was_at_a_time() {
    let bank = Bank::with_ann(5_000);
    let history = bank.run(&["history", "ann"]).out;
    let times: Vec<_> = history.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    bank.play(r#"{"id": "more", "command": "Deposit", "account": "ann", "amount": 100}"#);
    assert_eq!(bank.balance("ann"), "51.00 EUR");
    for (time, balance) in times.iter().zip(["0.00 EUR", "50.00 EUR"]) {
        let said = bank.run(&["show", "ann", "--at", time]);
        assert!(said.out.contains(&format!("balance  {balance}")), "{said:?}");
    }
    let before = bank.run(&["show", "ann", "--at", "2001-02-03T04:05:06+01:00"]);
    before.is_one_complaint(&["no account \"ann\" at 2001-02-03T03:05:06Z"]);
}

#[test]
fn a_closed_account_is_still_there_to_see() {
    let bank = Bank::with_ann(70);
    bank.play(r#"{"id": "end", "command": "CloseAccount", "account": "ann"}"#);
    let said = bank.run(&["show", "ann"]);
    for line in ["owner    Ann", "balance  0.00 EUR", "version  4", "state    closed"] {
        assert!(said.out.contains(line), "`{line}` is missing: {said:?}");
    }
}

#[test]
fn the_history_says_when_what_and_by_whom() {
    let bank = Bank::new();
    let open = r#"{"id": "stmt-1", "command": "OpenAccount", "account": "ann", "owner": "Ann"}"#;
    bank.play_with(&["--by", "teller 3"], open);
    let said = bank.run(&["history", "ann"]);
    let row = said.out.lines().nth(1).unwrap_or_else(|| panic!("{said:?}"));
    for part in ["1  20", "AccountOpened", r#"{"owner":"Ann","currency":"EUR"}"#, "teller 3", "stmt-1"] {
        assert!(row.contains(part), "`{part}` is missing: {row}");
    }
}

#[test]
fn an_account_that_is_not_there_is_said_to_be() {
    let bank = Bank::with_ann(1);
    bank.run(&["show", "zed"]).is_one_complaint(&["there is no account \"zed\""]);
    bank.run(&["history", "zed"]).is_one_complaint(&["there is no account \"zed\""]);
}

#[test]
fn looking_makes_no_database() {
    let bank = Bank::new();
    bank.run(&["accounts", "--db", "typo.db"]).is_one_complaint(&["there is no database typo.db"]);
    assert!(!bank.folder().join("typo.db").exists());
}

#[test]
fn the_database_is_named_by_an_option_or_the_environment() {
    let bank = Bank::new();
    bank.run(&["--db", "one.db"]);
    bank.command(&[]).env("BANK_DB", "two.db").output().unwrap();
    let files = ["one.db", "two.db", "bank.db"].map(|name| bank.folder().join(name).exists());
    assert_eq!(files, [true, true, false]);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let bank = Bank::new();
    let file = bank.file("letter.txt", "Dear Ann, ".repeat(100));
    bank.run(&["--db", "letter.txt"]).is_one_complaint(&["letter.txt", "not an event store"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "Dear Ann, ".repeat(100));
    bank.run(&["--db", "no/such/folder.db"]).is_one_complaint(&["no/such/folder.db"]);
}

#[test]
fn whoever_reads_only_the_first_line_gets_no_complaint() {
    let bank = Bank::with_ann(1);
    let deposits = (0..2_000).map(|n| {
        format!("{{\"id\": \"{n}\", \"command\": \"Deposit\", \"account\": \"ann\", \"amount\": 1}}\n")
    });
    bank.play(deposits.collect::<String>());
    let mut child = bank.command(&["history", "ann"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    let said = child.wait_with_output().unwrap();
    assert_eq!((said.status.code(), String::from_utf8(said.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let bank = Bank::new();
    for args in [&["shw"][..], &["show"], &["show", "ann", "--at", "yesterday"], &["run"]] {
        assert_eq!(bank.run(args).code, Some(2), "{args:?}");
    }
}
