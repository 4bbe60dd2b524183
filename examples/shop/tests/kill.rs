//! A shop that is killed, anywhere, and started again until its story is over.

mod state;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many kills, unless `SHOP_KILLS` says another number.
const KILLS: usize = 20;

fn shop(folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.arg("--data").arg(folder).args(["--day", "0s"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn has_ended_well(child: Child) {
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.is_empty(), "{}: {err}", output.status);
}

/// Whether it was killed after that time; if not, its story was over before.
fn is_killed_after(folder: &Path, life: Duration) -> bool {
    let until = Instant::now() + life;
    let mut child = shop(folder);
    while Instant::now() < until {
        if child.try_wait().unwrap().is_some() {
            has_ended_well(child);
            return false;
        }
        // There is nothing to wait for: the moment is the test.
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.is_empty(), "{}: {err}", output.status);
    // Whoever ends by a signal has no code. The story may have been over just before that.
    assert!(output.status.code().is_none_or(|code| code == 0), "{}", output.status);
    output.status.code().is_none()
}

fn state_of(folder: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(state::of(folder))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

#[test]
fn a_shop_that_is_killed_anywhere_ends_as_if_nothing_had_happened() {
    let seed = number("SHOP_SEED").unwrap_or_else(|| fastrand::u64(..));
    let wanted = number("SHOP_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    println!("SHOP_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let undisturbed = tempfile::tempdir().unwrap();
    let began = Instant::now();
    has_ended_well(shop(undisturbed.path()));
    let whole = u64::try_from(began.elapsed().as_micros()).unwrap();
    let expected = state_of(undisturbed.path());

    let (mut kills, mut stories) = (0, 0);
    while kills < wanted {
        let folder = tempfile::tempdir().unwrap();
        // Long lives and short ones, so that a story is killed at its beginning and again and again on its
        // way.
        let mut life = || {
            let parts = random.u64(1..=8);
            Duration::from_micros(random.u64(..whole / parts))
        };
        while is_killed_after(folder.path(), life()) {
            kills += 1;
        }
        stories += 1;
        assert_eq!(state_of(folder.path()), expected, "SHOP_SEED={seed}, story {stories}");
    }
    println!(
        "{kills} kills in {stories} stories, of which one takes {} ms if it is left alone",
        whole / 1_000
    );
}
