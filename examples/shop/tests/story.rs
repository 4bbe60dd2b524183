//! The bundled story, in memory and on files.

mod state;

use es_core::prelude::*;
use es_core::store::SqliteStore;
use shop::error::ShopError;
use shop::logs::{Address, Site};
use shop::orders::mail::{Mail, MailError, Mailer};
use shop::orders::order::Status;
use shop::orders::reports::OrderList;
use shop::orders::stock_levels::documents::StockLevel;
use shop::shop::{Shop, ShopFolder};
use shop::story::{self, Played};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

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

fn site(folder: &TempDir) -> Site {
    Site::folder(folder.path().to_owned())
}

/// A shop of its own in a database that others use, too.
async fn in_postgres(folder: &TempDir) -> Site {
    let address = Address::Postgres(tests::server::postgres_url());
    let site = Site { folder: folder.path().to_owned(), address, name: tests::server::unique() };
    site.migrate().await.unwrap();
    site
}

/// A shop of its own on a server that others use, too.
fn in_nats(folder: &TempDir) -> Site {
    let address = Address::Nats(tests::server::variable("ES_NATS"));
    Site { folder: folder.path().to_owned(), address, name: tests::server::unique() }
}

/// Plays the story in a shop, as the program does.
async fn played_in(site: &Site) -> Played {
    let opened = ShopFolder::open(site).await.unwrap();
    let running = opened.start().await.unwrap();
    let played = story::play(&opened.shop, Duration::ZERO).await.unwrap();
    if let Some((ecommerce, orders)) = running {
        ecommerce.stop().await.unwrap();
        orders.stop().await.unwrap();
    }
    ends_well(&opened.shop).await;
    opened.close().await;
    played
}

/// Plays the story twice, and answers the state that both have left.
async fn is_played_once(site: &Site) -> Vec<String> {
    let first = played_in(site).await;
    let state = state::of(site).await;
    let again = played_in(site).await;
    assert_eq!(state::of(site).await, state);
    let lines = first.recorded;
    assert_eq!([first, again], [Played { recorded: lines, known: 0 }, Played { recorded: 0, known: lines }]);
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fortnight_on_files_is_played_once() {
    let folder = tempfile::tempdir().unwrap();
    is_played_once(&site(&folder)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_fortnight_in_postgres_ends_as_on_files() {
    let (files, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let there = is_played_once(&in_postgres(&folder).await).await;
    assert_eq!(there, is_played_once(&site(&files)).await);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_fortnight_in_nats_ends_as_on_files() {
    let (files, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let there = is_played_once(&in_nats(&folder)).await;
    assert_eq!(there, is_played_once(&site(&files)).await);
}

/// Three at once, each of which says every line.
async fn is_played_by_three(site: &Site) {
    let (files, one) = (tempfile::tempdir().unwrap(), site.clone());
    let play = |site: Site| tokio::spawn(async move { played_in(&site).await });
    let (two, three) = (play(site.clone()), play(site.clone()));
    let played = [played_in(&one).await, two.await.unwrap(), three.await.unwrap()];
    let undisturbed = self::site(&files);
    let lines = played_in(&undisturbed).await.recorded;
    assert_eq!(played.iter().map(|played| played.recorded).sum::<usize>(), lines, "{played:?}");
    assert_eq!(state::of(site).await, state::of(&undisturbed).await);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn three_at_once_play_one_fortnight_in_postgres() {
    let folder = tempfile::tempdir().unwrap();
    is_played_by_three(&in_postgres(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn three_at_once_play_one_fortnight_in_nats() {
    let folder = tempfile::tempdir().unwrap();
    is_played_by_three(&in_nats(&folder)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ac_54_the_stock_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    played_in(&site(&folder)).await;
    let opened = ShopFolder::open(&site(&folder)).await.unwrap();
    let level = |article: &str, available, shipped| {
        (article.to_owned(), StockLevel { available, kept: 0, waiting: 0, shipped })
    };
    let levels = opened.stock_levels().await.unwrap();
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
    let first = ShopFolder::open(&site(&folder)).await.unwrap();
    assert!(matches!(ShopFolder::open(&site(&folder)).await, Err(ShopError::InUse { .. })));
    first.close().await;
    ShopFolder::open(&site(&folder)).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_next_does_not_wait_for_the_leases_of_a_process_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = ShopFolder::open(&site(&folder)).await.unwrap();
    let running = first.shop.start().await.unwrap();
    first.shop.quiet().await.unwrap();
    drop(running);
    assert!(first.shop.orders.processors().await.unwrap().iter().any(|known| known.owner.is_some()));
    first.close().await;

    let next = ShopFolder::open(&site(&folder)).await.unwrap();
    assert!(next.shop.orders.processors().await.unwrap().iter().all(|known| known.owner.is_none()));
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

#[test]
fn an_address_that_is_none_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = said(folder.path(), &["--store", "mysql://ann:secret@db"]);
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    assert!(err.contains("postgres://USER:PASSWORD@HOST/DATABASE") && !err.contains("secret"), "{err}");
}

#[test]
fn a_server_that_does_not_answer_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens on a port that has just been given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (code, out, err) =
        said(folder.path(), &["--store", &format!("postgres://ann:secret@127.0.0.1:{port}/shop")]);
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    assert!(err.contains(&format!("cannot use postgres://127.0.0.1:{port}/shop")), "{err}");
    assert!(!err.contains("secret"), "{err}");
}

#[test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
fn tables_that_are_not_there_are_made_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (store, name) = (tests::server::postgres_url(), tests::server::unique());
    let args = ["--store", &store, "--name", &name, "--day", "0s"];
    let (code, _, err) = said(folder.path(), &args);
    assert_eq!((code, err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains("--migrate"), "{err}");
    let (code, out, err) = said(folder.path(), &[&args[..], &["--migrate"]].concat());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.ends_with("is ready.\n") && !out.contains('@'), "{out}");
    let (code, out, err) = said(folder.path(), &args);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("27 played now, 0 before"), "{out}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_is_told_to_end_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.arg("--data").arg(folder.path()).args(["--day", "1h"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    out.find(|line| line == "day 1").expect("the first day begins");
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let last = out.last();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    assert_eq!(last.as_deref(), Some("Stopped on day 1. Start it again, and it goes on."));
    // It holds on to nothing: another process would not have to wait.
    let orders = SqliteStore::open(folder.path().join("orders.db")).await.unwrap();
    assert!(orders.processors("").await.unwrap().iter().all(|known| known.owner.is_none()));
}
