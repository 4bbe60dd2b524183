//! What was not thought of: whatever is done to a store, in whatever order, and whatever things are called.

use super::cases;
use super::names::names;
use super::random::Pair;
use super::words::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{DocumentWrite, Expected, Filter, NewEvent, StreamRead};

/// Tells the cases which seed to begin with, to run again what has failed.
const SEED: &str = "ES_SUITE_SEED";

/// What chance begins with.
fn seed() -> u64 {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("{SEED}={seed}");
    seed
}

cases! { $ __suite_model of model;
    async fn a_store_answers_as_the_one_in_memory_does(store) {
        let mut pair = Pair::new(store, seed()).await;
        for _ in 0..250 {
            pair.step().await;
        }
        pair.compare_all().await;
    }

    async fn whatever_it_is_called_it_is_found_by_its_name_and_nothing_else_is(store) {
        let names = names(seed(), 40);
        for name in &names {
            let new = NewEvent { name: name.clone().into(), ..event("") };
            store.append(commit(name, Expected::NoStream, vec![new])).await.unwrap();
        }
        let log_of_all = whole_log(store).await;
        for (name, event) in names.iter().zip(&log_of_all) {
            let it_alone = std::slice::from_ref(event);
            assert_eq!((event.stream.as_str(), &*event.name), (&**name, &**name));
            let of_stream = page(store, name, StreamRead::after(0)).await.events;
            assert_eq!(of_stream, it_alone, "the stream {name:?}");
            for filter in [Filter::stream(stream(name)), Filter::all().names([name])] {
                let found = log(store, Position(0), &filter, 100).await.events;
                assert_eq!(found, it_alone, "{filter:?}");
            }
            let category = stream(name).category().to_owned();
            let due: Vec<_> = log_of_all.iter().filter(|event| event.stream.category() == category).cloned().collect();
            let found = log(store, Position(0), &Filter::category(&category), 100).await.events;
            assert_eq!(found, due, "the category {category:?}");
        }
        assert_eq!(log_of_all.len(), names.len());
    }

    async fn processors_and_documents_of_any_name_are_found_and_listed_in_order(store) {
        let names: Vec<_> = names(seed(), 40).into_iter().collect();
        let mut leases = Vec::new();
        for name in &names {
            leases.push(lease(store, name).await);
        }
        for (lease, name) in leases.iter().zip(&names) {
            let in_one = DocumentWrite { body: Some(Bytes::from(name.clone())), ..write("all", name, "") };
            let in_its_own = DocumentWrite { key: String::new(), ..write(name, "", "own") };
            store.advance(advance_to(lease, 1, vec![in_one, in_its_own])).await.unwrap();
        }
        assert_eq!(keys(store, "all").await, names);
        let known = store.processors("").await.unwrap();
        assert_eq!(known.iter().map(|known| &*known.name).collect::<Vec<_>>(), names);
        for name in &names {
            assert_eq!(document(store, "all", name).await.unwrap().body, name.as_bytes(), "{name:?}");
            assert_eq!(keys(store, name).await, [""], "{name:?}");
            let begins_so: Vec<_> = names.iter().filter(|other| other.starts_with(name)).collect();
            let known = store.processors(name).await.unwrap();
            assert_eq!(known.iter().map(|known| &*known.name).collect::<Vec<_>>(), begins_so, "{name:?}");
        }
    }
}
