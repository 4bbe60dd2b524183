//! Snapshots: which are kept, which are given.

use super::cases;
use super::words::*;
use bytes::Bytes;
use es_core::store::{EventStore, Expected, StoredSnapshot, StreamRead};

async fn kept(store: &dyn EventStore, fingerprint: u64) -> Option<StoredSnapshot> {
    store.load_snapshot(&stream("a-1"), fingerprint).await.unwrap()
}

cases! { $ __suite_snapshots of snapshots;
    async fn a_snapshot_is_given_back_whole(store) {
        filled(store, "a-1", 3).await;
        let saved = snapshot("a-1", 3);
        store.save_snapshot(saved.clone()).await.unwrap();
        assert_eq!(kept(store, saved.fingerprint).await, Some(saved));
    }

    async fn a_snapshot_of_another_shape_is_none(store) {
        filled(store, "a-1", 3).await;
        store.save_snapshot(snapshot("a-1", 3)).await.unwrap();
        assert_eq!(kept(store, 1).await, None);
        assert_eq!(store.load_snapshot(&stream("a-2"), snapshot("a-2", 1).fingerprint).await.unwrap(), None);
    }

    async fn a_newer_version_takes_the_place_of_an_older_one(store) {
        filled(store, "a-1", 3).await;
        for (version, newest) in [(2, 2), (1, 2), (3, 3), (2, 3)] {
            store.save_snapshot(snapshot("a-1", version)).await.unwrap();
            let kept = kept(store, snapshot("a-1", version).fingerprint).await;
            assert_eq!(kept, Some(snapshot("a-1", newest)), "behind version {version}");
        }
    }

    async fn another_shape_takes_the_place_whatever_its_version(store) {
        filled(store, "a-1", 3).await;
        let (old, new) = (snapshot("a-1", 3), StoredSnapshot { fingerprint: 1, ..snapshot("a-1", 2) });
        store.save_snapshot(old.clone()).await.unwrap();
        store.save_snapshot(new.clone()).await.unwrap();
        assert_eq!(kept(store, old.fingerprint).await, None);
        assert_eq!(kept(store, 1).await, Some(new));
    }

    async fn a_snapshot_from_before_an_edit_changes_nothing(store) {
        filled(store, "a-1", 3).await;
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        let stale = snapshot("a-1", 3);
        store.save_snapshot(stale.clone()).await.unwrap();
        assert_eq!(kept(store, stale.fingerprint).await, None);
        let fresh = StoredSnapshot { edits: 1, ..stale };
        store.save_snapshot(fresh.clone()).await.unwrap();
        assert_eq!(kept(store, fresh.fingerprint).await, Some(fresh));
    }

    async fn a_snapshot_is_of_one_stream(store) {
        for name in ["a-1", "a-2"] {
            filled(store, name, 3).await;
        }
        store.save_snapshot(snapshot("a-1", 3)).await.unwrap();
        store.save_snapshot(snapshot("a-2", 2)).await.unwrap();
        store.truncate_stream(&stream("a-2"), Expected::Any, 2).await.unwrap();
        assert_eq!(kept(store, snapshot("a-1", 3).fingerprint).await, Some(snapshot("a-1", 3)));
    }

    async fn a_snapshot_is_any_bytes(store) {
        filled(store, "a-1", 3).await;
        let every: Bytes = (0..=u8::MAX).collect();
        for (version, payload) in [(1, Bytes::new()), (2, every)] {
            let saved = StoredSnapshot { fingerprint: 0, payload, ..snapshot("a-1", version) };
            store.save_snapshot(saved.clone()).await.unwrap();
            assert_eq!(kept(store, 0).await, Some(saved));
        }
    }

    async fn a_snapshot_leaves_its_stream_as_it_is(store) {
        filled(store, "a-1", 3).await;
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        store.close_stream(&stream("a-1"), Expected::Any, "done").await.unwrap();
        let before = page(store, "a-1", StreamRead::after(0)).await;
        store.save_snapshot(StoredSnapshot { edits: 1, ..snapshot("a-1", 3) }).await.unwrap();
        assert_eq!(page(store, "a-1", StreamRead::after(0)).await, before);
    }

    async fn appending_keeps_the_snapshot(store) {
        filled(store, "a-1", 3).await;
        store.save_snapshot(snapshot("a-1", 3)).await.unwrap();
        filled(store, "a-1", 1).await;
        assert_eq!(kept(store, snapshot("a-1", 3).fingerprint).await, Some(snapshot("a-1", 3)));
    }
}
