//! A shop that is killed, anywhere, and started again until its story is over: alone, and one of three. And one that is
//! told to stop.

mod state;

use shop::logs::{Address, Site};
use shop::shop::ShopFolder;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::server::process::send;

/// How many kills, unless `SHOP_KILLS` says another number.
const KILLS: usize = 20;

/// The same where one of three is killed: the others may have to wait until a lease has run out.
const KILLS_AMONG_THREE: usize = 6;

/// How many are told to stop.
const STOPS: usize = 5;

fn shop(site: &Site) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.arg("--data").arg(&site.folder).args(["--day", "0s", "--name", &site.name]);
    if let Address::Postgres(url) | Address::Nats(url) = &site.address {
        command.env("SHOP_STORE", url);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn has_ended_well(child: Child) {
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.is_empty(), "{}: {err}", output.status);
}

/// Whether it was killed after that time; if not, its story was over before.
fn is_killed_after(site: &Site, life: Duration) -> bool {
    let until = Instant::now() + life;
    let mut child = shop(site);
    while Instant::now() < until {
        if child.try_wait().unwrap().is_some() {
            has_ended_well(child);
            return false;
        }
        // There is nothing to wait for: the moment is the test.
        std::thread::sleep(Duration::from_millis(1));
    }
    is_killed(child)
}

/// Whether that has ended it; its story may have been over just before.
fn is_killed(mut child: Child) -> bool {
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.is_empty(), "{}: {err}", output.status);
    // Whoever ends by a signal has no code.
    assert!(output.status.code().is_none_or(|code| code == 0), "{}", output.status);
    output.status.code().is_none()
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn state_of(site: &Site) -> Vec<String> {
    wait_for(state::of(site))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

/// How many kills: in a soak more than usual.
fn wanted(usual: usize, long: usize) -> usize {
    let kills = if std::env::var_os("ES_SOAK").is_some() { long } else { usual };
    number("SHOP_KILLS").map_or(kills, |kills| usize::try_from(kills).unwrap())
}

/// Chance, and what it begins with.
fn random() -> (u64, fastrand::Rng) {
    let seed = number("SHOP_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SHOP_SEED={seed}");
    (seed, fastrand::Rng::with_seed(seed))
}

/// How many microseconds a story takes if nobody disturbs it.
fn time_of_a_story(site: &Site) -> u64 {
    let began = Instant::now();
    has_ended_well(shop(site));
    u64::try_from(began.elapsed().as_micros()).unwrap()
}

#[test]
fn a_shop_that_is_killed_anywhere_ends_as_if_nothing_had_happened() {
    let (seed, mut random) = random();
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = Site::folder(folder.path().to_owned());
    let whole = time_of_a_story(&undisturbed);
    let expected = state_of(&undisturbed);
    let wanted = wanted(KILLS, 200);

    let (mut kills, mut stories) = (0, 0);
    while kills < wanted {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::folder(folder.path().to_owned());
        // Long lives and short ones, so that a story is killed at its beginning and again and again on its
        // way.
        let mut life = || {
            let parts = random.u64(1..=8);
            Duration::from_micros(random.u64(..whole / parts))
        };
        while is_killed_after(&site, life()) {
            kills += 1;
        }
        stories += 1;
        assert_eq!(state_of(&site), expected, "SHOP_SEED={seed}, story {stories}");
    }
    println!(
        "shop killed: {kills} times in {stories} stories, of which one takes {} ms if it is left alone",
        whole / 1_000
    );
}

/// Plays the story with three processes at once, each of which is killed when its life is over, and started
/// again, until so many were or the story is over. Answers how many were.
fn killed_among_three(site: &Site, most: usize, mut life: impl FnMut() -> Duration) -> usize {
    let mut kills = 0;
    let mut players: Vec<_> = (0..3).map(|_| (shop(site), Instant::now() + life())).collect();
    while let Some((mut child, until)) = players.pop() {
        if child.try_wait().unwrap().is_some() {
            has_ended_well(child);
        } else if kills < most && Instant::now() >= until {
            kills += usize::from(is_killed(child));
            players.insert(0, (shop(site), Instant::now() + life()));
        } else {
            players.insert(0, (child, until));
            // There is nothing to wait for: the moment is the test.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    kills
}

/// Kills among three, in stories on such sites, until there were enough.
fn three_end_as_if_nothing_had_happened(fresh: impl Fn(&TempDir) -> Site) {
    let (seed, mut random) = random();
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = fresh(&folder);
    let whole = time_of_a_story(&undisturbed);
    let expected = state_of(&undisturbed);
    let wanted = wanted(KILLS_AMONG_THREE, 50);
    let (mut kills, mut stories) = (0, 0);
    while kills < wanted {
        let folder = tempfile::tempdir().unwrap();
        let site = fresh(&folder);
        let life = || Duration::from_micros(random.u64(..whole));
        kills += killed_among_three(&site, wanted - kills, life);
        stories += 1;
        assert_eq!(state_of(&site), expected, "SHOP_SEED={seed}, story {stories}");
    }
    println!(
        "one of three shops killed: {kills} times in {stories} stories, of which one takes {} ms",
        whole / 1_000
    );
}

/// Tells shops to stop in the middle of their stories, until so many were told.
fn whoever_stops_leaves_no_lease_behind(fresh: impl Fn(&TempDir) -> Site) {
    let (seed, mut random) = random();
    let folder = tempfile::tempdir().unwrap();
    let whole = time_of_a_story(&fresh(&folder));
    let mut stops = 0;
    while stops < STOPS {
        let folder = tempfile::tempdir().unwrap();
        let site = fresh(&folder);
        let mut child = shop(&site);
        // There is nothing to wait for: the moment is the test.
        std::thread::sleep(Duration::from_micros(random.u64(whole / 8..whole / 2)));
        if child.try_wait().unwrap().is_none() {
            send("TERM", child.id());
            stops += 1;
        }
        let status = child.wait().unwrap();
        // One that does not listen yet has begun nothing.
        assert!(status.success() || status.code().is_none(), "{status}");
        let held = wait_for(leases(&site));
        assert!(held.is_empty(), "SHOP_SEED={seed}, stop {stops}: {held:?}");
    }
}

/// Which processors somebody has the lease of.
async fn leases(site: &Site) -> Vec<Arc<str>> {
    let folder = ShopFolder::open(site).await.unwrap();
    let mut known = folder.shop.ecommerce.processors().await.unwrap();
    known.extend(folder.shop.orders.processors().await.unwrap());
    folder.close().await;
    known.into_iter().filter(|known| known.owner.is_some()).map(|held| held.name).collect()
}

#[test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
fn a_shop_on_postgres_that_is_told_to_stop_leaves_no_lease_behind() {
    whoever_stops_leaves_no_lease_behind(on_postgres);
}

#[test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
fn a_shop_on_nats_that_is_told_to_stop_leaves_no_lease_behind() {
    whoever_stops_leaves_no_lease_behind(on_nats);
}

/// A shop of its own on a server.
fn on_postgres(folder: &TempDir) -> Site {
    let address = Address::Postgres(tests::server::postgres_url());
    let site = Site { folder: folder.path().to_owned(), address, name: tests::server::unique() };
    wait_for(site.migrate()).unwrap();
    site
}

fn on_nats(folder: &TempDir) -> Site {
    let address = Address::Nats(tests::server::variable("ES_NATS"));
    Site { folder: folder.path().to_owned(), address, name: tests::server::unique() }
}

#[test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
fn three_shops_on_one_postgres_that_are_killed_anywhere_end_as_if_nothing_had_happened() {
    three_end_as_if_nothing_had_happened(on_postgres);
}

#[test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
fn three_shops_on_one_nats_that_are_killed_anywhere_end_as_if_nothing_had_happened() {
    three_end_as_if_nothing_had_happened(on_nats);
}
