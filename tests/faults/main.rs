//! What a SQLite file is worth when processes are killed, disks fail, and the power goes away.
//!
//! The faults happen to a child: this same binary, started with [`child::serve`] as its only test, which
//! reports what it was answered. The parent then looks at what the file has.
#![cfg(target_os = "linux")]

mod child;
mod disk;
mod kill;
mod power;
mod trace;
mod verdict;

/// Chance, by a seed that is printed.
fn chance() -> fastrand::Rng {
    let seed =
        std::env::var("ES_FAULTS_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("ES_FAULTS_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
