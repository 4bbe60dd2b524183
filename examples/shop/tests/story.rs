//! The bundled story, in memory and on files.

mod state;

use es_core::prelude::*;
use shop::error::ShopError;
use shop::orders::mail::{Mail, MailError, Mailer};
use shop::orders::order::Status;
use shop::orders::reports::OrderList;
use shop::report::{StockLevel, stock_levels};
use shop::shop::{Shop, ShopFolder};
use shop::story::{self, Played};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Plays the story in a shop that runs.
async fn play(shop: &Shop) -> Played {
    let (ecommerce, orders) = shop.start().await.unwrap();
    let played = story::play(shop, Duration::ZERO).await.unwrap();
    ecommerce.stop().await.unwrap();
    orders.stop().await.unwrap();
    played
}

async fn ends_well(shop: &Shop) {
    let listed = shop.orders.app.documents::<OrderList>().await.unwrap();
    let of = |status| {
        let names = listed.iter().filter(|(_, order)| order.status == status);
        names.map(|(order, _)| order.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of(Status::Completed), ["ann", "ben", "carla", "eve", "fred", "hugo"]);
    assert_eq!(of(Status::Cancelled), ["dan", "gina"]);
}

#[derive(Default)]
struct Mails(Mutex<Vec<String>>);

impl Mailer for Mails {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        self.0.lock().unwrap().push(mail.to);
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_fortnight_in_memory() {
    let mails = Arc::new(Mails::default());
    let shop = Shop::in_memory(mails.clone()).await.unwrap();
    assert_eq!(play(&shop).await.known, 0);
    ends_well(&shop).await;
    let mut mails = mails.0.lock().unwrap().clone();
    mails.sort_unstable();
    let to = ["ann", "ben", "carla", "eve", "fred", "hugo"].map(|name| format!("{name}@example.org"));
    assert_eq!(mails, to);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fortnight_on_files_is_played_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut states = Vec::new();
    let mut played = Vec::new();
    for _ in 0..2 {
        let opened = ShopFolder::open(folder.path()).await.unwrap();
        played.push(play(&opened.shop).await);
        ends_well(&opened.shop).await;
        opened.close().await;
        states.push(state::of(folder.path()).await);
    }
    assert_eq!(states[0], states[1]);
    let lines = played[0].recorded;
    assert_eq!(played, [Played { recorded: lines, known: 0 }, Played { recorded: 0, known: lines }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ac_54_the_stock_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let opened = ShopFolder::open(folder.path()).await.unwrap();
    play(&opened.shop).await;
    let level = |article: &str, available, shipped| StockLevel {
        article: article.into(),
        available,
        kept: 0,
        waiting: 0,
        shipped,
    };
    let levels = stock_levels(&opened).await.unwrap();
    assert_eq!(levels, [level("book", 7, 3), level("desk", 1, 0), level("lamp", 0, 2), level("mug", 2, 2)]);
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_a_key_that_was_accepted_is_not_accepted_again() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = shop::mailbox::Mailbox::open(folder.path()).unwrap();
    let mail = |subject: &str| Mail {
        key: Uuid::from_u128(7),
        to: "ann@example.org".into(),
        subject: subject.into(),
        text: "hello\n".into(),
    };
    mailbox.send(mail("first")).await.unwrap();
    mailbox.send(mail("second")).await.unwrap();
    assert_eq!((mailbox.keys().unwrap(), mailbox.refused()), (vec![Uuid::from_u128(7).to_string()], 1));
    let text = std::fs::read_to_string(folder.path().join(format!("{}.eml", Uuid::from_u128(7)))).unwrap();
    assert!(text.contains("Subject: first"), "{text}");
    assert!(text.contains(&format!("Message-ID: <{}@shop.example>", Uuid::from_u128(7))), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_works_in_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = ShopFolder::open(folder.path()).await.unwrap();
    assert!(matches!(ShopFolder::open(folder.path()).await, Err(ShopError::InUse { .. })));
    first.close().await;
    ShopFolder::open(folder.path()).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_next_does_not_wait_for_the_leases_of_a_process_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = ShopFolder::open(folder.path()).await.unwrap();
    let running = first.shop.start().await.unwrap();
    first.shop.quiet().await.unwrap();
    drop(running);
    assert!(first.orders().processors("").await.unwrap().iter().any(|known| known.owner.is_some()));
    first.close().await;

    let next = ShopFolder::open(folder.path()).await.unwrap();
    assert!(next.orders().processors("").await.unwrap().iter().all(|known| known.owner.is_none()));
    next.close().await;
}

fn said(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.arg("--data").arg(folder).args(args);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_program_tells_what_happens_and_then_that_nothing_does() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = said(folder.path(), &["--day", "0s"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for line in ["payment dan: payment failed", "  hugo   Hugo Schnee", "27 played now, 0 before"] {
        assert!(out.contains(line), "`{line}` is missing: {out}");
    }
    let (code, out, err) = said(folder.path(), &["--day", "0s"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(!out.contains("payment dan"), "{out}");
    assert!(out.contains("All 27 lines of the story were played before: nothing has changed."), "{out}");
}

#[test]
fn a_folder_that_cannot_be_used_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    std::fs::write(&file, "Dear Ann").unwrap();
    let (code, out, err) = said(&file, &[]);
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    assert!(err.contains("letter.txt"), "{err}");
    assert_eq!(said(folder.path(), &["--day", "yesterday"]).0, Some(2));
}
