//! Whatever is done to it in whatever order, a store answers as the one in memory does.

use super::cases;
use super::random::Pair;

/// Tells the case which seed to begin with, to run again what has failed.
const SEED: &str = "ES_SUITE_SEED";

cases! { $ __suite_model of model;
    async fn a_store_answers_as_the_one_in_memory_does(store) {
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        println!("{SEED}={seed}");
        let mut pair = Pair::new(store, seed).await;
        for _ in 0..250 {
            pair.step().await;
        }
        pair.compare_all().await;
    }
}
