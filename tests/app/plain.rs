//! What `build` says where commits take nothing along.

use crate::bank::{Account, AccountClosed, AccountId, CloseAccount, Errand, NoErrand};
use es_core::prelude::*;
use es_core::store::{Capabilities, MemoryStore};
use std::sync::Arc;

/// A store that a commit is made of events in, and of nothing else.
struct Plain {
    store: MemoryStore,
}

impl EventStore for Plain {
    es_core::__forward!(store: append, read_stream, read_log, find_event, head, wait);
    es_core::__forward!(store: close_stream, truncate_stream, redact_event, load_snapshot, save_snapshot);
    es_core::__forward_processors!(store);

    fn capabilities(&self) -> Capabilities {
        Capabilities { inline: false, ..self.store.capabilities() }
    }
}

fn app() -> es_core::AppBuilder<Plain> {
    App::builder(Plain { store: MemoryStore::new() })
        .aggregate::<Account>()
        .service::<dyn Errand>(Arc::new(NoErrand))
}

#[reactor(inline)]
struct Closing;
#[reactor]
impl Closing {
    fn closed(&self, _: &AccountClosed, account: &AccountId) -> CloseAccount {
        CloseAccount { account: account.clone() }
    }
}

#[projection(key = AccountId, inline)]
struct Closed {}
#[projection]
impl Closed {
    fn closed(&mut self, _: &AccountClosed) {}
}

#[projection(key = AccountId, name = "closed_later")]
struct ClosedLater {}
#[projection]
impl ClosedLater {
    fn closed(&mut self, _: &AccountClosed) {}
}

#[tokio::test]
async fn what_takes_part_in_commits_is_refused_with_what_to_write_instead() {
    let app = app().reactor::<Closing>().projection::<Closed>().projection::<ClosedLater>();
    let refused = app.build().await.unwrap_err();
    let says = |what: &str| {
        format!(
            "{what} takes part in commits (`inline`), which this store cannot do: leave `inline` out, or use a store \
             of SQL"
        )
    };
    assert_eq!(refused.faults(), [says("the reactor closing"), says("the projection closed")]);
}

#[tokio::test]
async fn what_follows_the_log_is_welcome() {
    app().projection::<ClosedLater>().build().await.unwrap();
}
