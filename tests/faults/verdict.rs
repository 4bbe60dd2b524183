//! What the file must look like afterwards.

use es_core::Position;
use es_core::store::{EventStore, Filter, SqliteStore, StoredEvent};
use std::collections::HashMap;
use std::path::Path;

/// The commits in a file in their order, by their key, after everything that holds for any file was checked:
/// positions and versions are dense, times do not go back, commits are whole and not there twice.
pub fn commits(file: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let events = runtime.block_on(async {
        let store = SqliteStore::open(file).await.unwrap();
        let events = all(&store).await;
        store.close().await;
        events
    });
    let mut versions = HashMap::new();
    let mut sizes: HashMap<String, u32> = HashMap::new();
    let mut keys = Vec::new();
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position.0, position, "positions are dense");
        let version = versions.entry(event.stream.clone()).or_insert(0);
        *version += 1;
        assert_eq!(event.version, *version, "versions of {} are dense", event.stream);
        let said = str::from_utf8(event.payload.as_ref().unwrap()).unwrap();
        let key = said.split(' ').next().unwrap();
        assert!(said.split(' ').all(|word| word == key), "events say one key");
        let size = sizes.entry(key.to_owned()).or_default();
        *size += 1;
        if *size == 1 {
            keys.push(key.to_owned());
        }
    }
    assert!(events.is_sorted_by_key(|event| event.stored_at));
    assert!(sizes.values().all(|size| *size == 3), "commits are whole, and stored once: {sizes:?}");
    keys
}

async fn all(store: &SqliteStore) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    let mut after = Position(0);
    loop {
        let page = store.read_log(after, &Filter::default(), 1_000).await.unwrap();
        events.extend(page.events);
        after = page.scanned_to;
        if after == page.head {
            return events;
        }
    }
}

/// SQLite's own check of the file.
pub fn is_sound(file: &Path) -> bool {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap() == "ok"
}
