//! Every promise of a store, on each of ours.

mod scan;

mod memory {
    use es_core::store::MemoryStore;
    use es_testing::suite::Place;

    async fn fresh() -> Place {
        let store = MemoryStore::new();
        let clone = store.clone();
        Place::of(store).opened_again(async move || clone.clone())
    }

    #[tokio::test]
    async fn a_page_looks_at_ten_thousand_events() {
        crate::scan::a_page_looks_at_ten_thousand_events(fresh().await).await;
    }

    es_testing::store_suite!(fresh);
}

mod sqlite {
    use es_core::store::SqliteStore;
    use es_testing::suite::Place;

    async fn fresh() -> Place {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("events.db");
        let store = SqliteStore::open(&file).await.expect("it can be made");
        Place::of(store)
            .opened_again(async move || SqliteStore::open(&file).await.expect("it can be opened again"))
            .keeping(folder)
    }

    #[tokio::test]
    async fn a_page_looks_at_ten_thousand_events() {
        crate::scan::a_page_looks_at_ten_thousand_events(fresh().await).await;
    }

    es_testing::store_suite!(fresh);
}

mod postgres {
    use es_core::store::{PgOptions, PgStore};
    use es_testing::suite::Place;
    use tests::server::{postgres, postgres_url, unique};

    async fn fresh() -> Place {
        let options = PgOptions::new().schema(unique());
        Place::of(postgres(options.clone()).await).opened_again(async move || {
            let again = PgStore::connect_with(&postgres_url(), options.clone()).await;
            again.expect("it can be opened again")
        })
    }

    #[tokio::test]
    #[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
    async fn a_page_looks_at_ten_thousand_events() {
        crate::scan::a_page_looks_at_ten_thousand_events(fresh().await).await;
    }

    es_testing::store_suite!(
        #[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
        fresh
    );
}

mod nats {
    use es_core::store::NatsOptions;
    use es_testing::suite::Place;
    use tests::server::{nats, unique};

    async fn fresh() -> Place {
        let options = NatsOptions::new().namespace(unique());
        Place::of(nats(options.clone()).await).opened_again(async move || nats(options.clone()).await)
    }

    #[tokio::test]
    #[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
    async fn a_page_looks_at_ten_thousand_events() {
        crate::scan::a_page_looks_at_ten_thousand_events(fresh().await).await;
    }

    es_testing::store_suite!(
        #[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
        fresh
    );
}
