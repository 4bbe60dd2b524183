//! From a plain `#[test]` into the async world and back.

use std::panic::resume_unwind;
use std::thread;
use tokio::runtime::{Builder, Handle, Runtime};

/// Runs a future to its end. Inside of a runtime, which must not be blocked twice, a thread of its own does.
#[track_caller]
pub(crate) fn block_on<T: Send>(work: impl Future<Output = T> + Send) -> T {
    run(work, false)
}

/// The same in a time of its own: whoever sleeps wakes at once when nobody has anything else to do.
#[track_caller]
pub(crate) fn block_on_paused<T: Send>(work: impl Future<Output = T> + Send) -> T {
    run(work, true)
}

#[track_caller]
fn run<T: Send>(work: impl Future<Output = T> + Send, paused: bool) -> T {
    if Handle::try_current().is_err() {
        return runtime(paused).block_on(work);
    }
    let done = thread::scope(|scope| scope.spawn(|| runtime(paused).block_on(work)).join());
    done.unwrap_or_else(|panicked| resume_unwind(panicked))
}

#[track_caller]
fn runtime(paused: bool) -> Runtime {
    match Builder::new_current_thread().enable_time().start_paused(paused).build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime for the scenario: {error}"),
    }
}
