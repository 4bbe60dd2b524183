//! Many lines at once, those of one account in their order.

use crate::kit::Bank;
use std::fmt::Write;

/// A statement in which every line but the openings is refused unless the one before it was played: each account
/// gets a cent and passes it on.
fn chain(accounts: u32, rounds: u32) -> String {
    let mut statement = String::new();
    for n in 0..accounts {
        let open = format!(r#"{{"id": "o{n}", "command": "OpenAccount", "account": "a{n}", "owner": "A"}}"#);
        writeln!(statement, "{open}").unwrap();
    }
    statement += "{\"id\": \"cent\", \"command\": \"Deposit\", \"account\": \"a0\", \"amount\": 1}\n";
    for n in 0..accounts * rounds {
        let (from, to) = (n % accounts, (n + 1) % accounts);
        let pass = format!(
            r#"{{"id": "t{n}", "command": "Transfer", "from": "a{from}", "to": "a{to}", "amount": 1}}"#
        );
        writeln!(statement, "{pass}").unwrap();
    }
    statement
}

#[test]
fn a_cent_goes_round_in_circles() {
    let bank = Bank::new();
    let said = bank.play(chain(7, 20));
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert_eq!(bank.balance("a0"), "0.01 EUR");
}

#[test]
fn deposits_and_withdrawals_keep_their_order_beside_those_of_others() {
    let bank = Bank::new();
    let mut statement = String::new();
    for n in 0..40 {
        let open = format!(r#"{{"id": "o{n}", "command": "OpenAccount", "account": "a{n}", "owner": "A"}}"#);
        writeln!(statement, "{open}").unwrap();
    }
    for n in 0..2_000 {
        let (command, account) = (["Deposit", "Withdraw"][n / 40 % 2], n % 40);
        let line =
            format!(r#"{{"id": "{n}", "command": "{command}", "account": "a{account}", "amount": 1}}"#);
        writeln!(statement, "{line}").unwrap();
    }
    let said = bank.play(statement);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

#[test]
fn complaints_come_in_the_order_of_the_lines() {
    let bank = Bank::new();
    let lines = (0..300).map(|n| {
        let account = n % 17;
        format!("{{\"id\": \"{n}\", \"command\": \"Deposit\", \"account\": \"a{account}\", \"amount\": 1}}\n")
    });
    let said = bank.play(lines.collect::<String>());
    let numbers = said.err.lines().filter_map(|line| line.split(' ').nth(1)?.parse::<u32>().ok());
    assert!(numbers.eq(1..=300), "{}", said.err);
}
