//! A statement whose database goes away while it is played.

use bank::error::BankError;
use bank::ledger::Ledger;
use bank::play::{Options, Outcome, play};
use std::fmt::Write;
use std::path::Path;

/// Each account gets a cent and gives it away again, over and over: a line that is played behind a gap is refused.
fn statement(accounts: u32, lines: u32) -> String {
    let mut statement = String::new();
    for n in 0..accounts {
        let open = format!(r#"{{"id": "o{n}", "command": "OpenAccount", "account": "a{n}", "owner": "A"}}"#);
        writeln!(statement, "{open}").unwrap();
    }
    for n in 0..lines {
        let (command, account) =
            (if (n / accounts).is_multiple_of(2) { "Deposit" } else { "Withdraw" }, n % accounts);
        let line = format!(r#""command": "{command}", "account": "a{account}", "amount": 1"#);
        writeln!(statement, r#"{{"id": "{n}", {line}}}"#).unwrap();
    }
    statement
}

fn source(statement: &str) -> impl std::io::Read + Send + 'static {
    std::io::Cursor::new(statement.as_bytes().to_vec())
}

async fn open(folder: &Path) -> Ledger {
    Ledger::open(&folder.join("bank.db")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_decided_behind_a_line_that_had_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let statement = statement(10, 3_000);
    let ledger = open(folder.path()).await;
    let (mut recorded, options) = (0, Options::default());
    let played = play(&ledger, "it", source(&statement), &options, |played| {
        recorded += u64::from(matches!(played.outcome, Outcome::Recorded(_)));
        assert!(!matches!(played.outcome, Outcome::Failed(_)), "{played:?}");
        if played.number == 100 {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.close().await });
        }
        Ok(())
    });
    let stopped = played.await.unwrap_err();
    assert!(matches!(stopped, BankError::Stopped { line: 100.., .. }), "{stopped}");

    let ledger = open(folder.path()).await;
    let again = play(&ledger, "it", source(&statement), &Options::default(), |_| Ok(())).await.unwrap();
    assert_eq!((again.failed, again.recorded + again.known), (0, 3_010));
    assert!(again.known >= recorded, "{} lines were answered, {} are there", recorded, again.known);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_no_reports_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path()).await;
    let deaf = |_: &_| Err(std::io::ErrorKind::BrokenPipe.into());
    let played = play(&ledger, "it", source(&statement(10, 3_000)), &Options::default(), deaf).await;
    assert!(matches!(played, Err(BankError::Output(_))));
    assert!(ledger.list().await.unwrap().iter().any(|account| account.version < 300));
}
