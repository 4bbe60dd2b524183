//! What becomes of the work that several processes share when one of them is killed, stopped for a while, told to
//! end, has a wrong clock, or cannot do a part of it.
//!
//! A process is this same binary, started with `child::serve` as its only test. The faults are the same on every
//! store that processes can share, and so is what must hold behind them.
#![cfg(target_os = "linux")]

mod child;
mod churn;
mod clocks;
mod ground;
mod hands;
mod leases;
mod lines;
mod node;
mod poison;
mod site;
mod warehouse;

/// Makes a test of each case on every store that processes can share.
macro_rules! on_every_ground {
    ($($case:ident),+ $(,)?) => {$(
        mod $case {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$case::<tests::place::File>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
            async fn on_postgres() {
                super::$case::<tests::place::Schema>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
            async fn on_nats() {
                super::$case::<tests::place::Namespace>().await;
            }
        }
    )+};
}
use on_every_ground;
