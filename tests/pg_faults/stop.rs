//! A process that is told to end while it writes.

use super::child;
use super::site::Site;
use tests::history::process;
use tests::server::process::often;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn who_is_told_to_end_answers_everything_first() {
    let site = Site::new().await;
    let start = |run: u32| child::start(child::SERVE, &site.server.url(), &run.to_string());
    process::told_to_end(&*site.store().await, often(5, 50), start).await;
}
