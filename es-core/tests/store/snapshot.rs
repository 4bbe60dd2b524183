//! Snapshots: which are kept, which are given.

use crate::kit::*;
use bytes::Bytes;
use es_core::store::{EventStore, Expected, StoredSnapshot};

async fn kept(store: &dyn EventStore, fingerprint: u64) -> Option<StoredSnapshot> {
    store.load_snapshot(&stream("a-1"), fingerprint).await.unwrap()
}

on_every_store! {
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
        for version in [2, 3, 1, 3] {
            let payload = Bytes::from(format!("state at {version}"));
            store.save_snapshot(StoredSnapshot { payload, ..snapshot("a-1", version) }).await.unwrap();
        }
        let kept = kept(store, snapshot("a-1", 3).fingerprint).await.unwrap();
        assert_eq!((kept.version, kept.payload.as_ref()), (3, b"state at 3".as_slice()));
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
}
