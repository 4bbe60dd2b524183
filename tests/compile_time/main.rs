//! Compares how long `cargo check` takes for a large model: declared with the attributes, and written by
//! hand with the same features and the same serde derives.
//!
//! `cargo run -p tests --bin compile_time [ROUNDS]` prints both times and their ratio.

mod by_hand;
mod declared;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The size of the model: so many aggregates, with so many events and commands each.
const AGGREGATES: usize = 20;
const EVENTS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(5), |rounds| rounds.parse())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no folder")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let work = target.join("compile_time");
    let core = format!("es-core = {{ path = '{}' }}", root.join("es-core").display());
    let plain = "serde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"";
    let declared = model(&work, "declared", &core, &declared::source(AGGREGATES, EVENTS))?;
    let by_hand = model(&work, "by_hand", plain, &by_hand::source(AGGREGATES, EVENTS))?;

    // What the models depend on is compiled once, and not measured.
    check(&work, &declared)?;
    check(&work, &by_hand)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        theirs.push(check(&work, &by_hand)?);
        ours.push(check(&work, &declared)?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("{AGGREGATES} aggregates with {EVENTS} events and {EVENTS} commands each, median of {rounds}:");
    println!("  declared  {ours:>8.0?}");
    println!("  by hand   {theirs:>8.0?}");
    println!("  ratio     {:>8.2}", ours.as_secs_f64() / theirs.as_secs_f64());
    Ok(())
}

/// Writes a package with one model.
fn model(work: &Path, name: &str, dependencies: &str, source: &str) -> Result<PathBuf, Box<dyn Error>> {
    let package = work.join(name);
    fs::create_dir_all(package.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    fs::write(package.join("src/lib.rs"), source)?;
    Ok(package)
}

/// Checks one package anew, and says how long that took.
fn check(work: &Path, package: &Path) -> Result<Duration, Box<dyn Error>> {
    let source = package.join("src/lib.rs");
    fs::write(&source, fs::read(&source)?)?;
    let started = Instant::now();
    let status = Command::new(env!("CARGO"))
        .args(["check", "--quiet"])
        .current_dir(package)
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("CARGO_INCREMENTAL", "0")
        .status()?;
    if status.success() {
        Ok(started.elapsed())
    } else {
        Err(format!("{} does not compile", package.display()).into())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
