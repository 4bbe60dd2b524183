//! A store that breaks a promise does not pass the case of that promise.

mod broken;

use broken::{Broken, Fault};
use es_core::store::MemoryStore;
use es_testing::suite::{
    Case, Place, append, concurrency, documents, duplicates, edit, expected, handles, log, model, parts,
    processors, subscription,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

type Promise = for<'a> fn(&'a Place) -> Case<'a>;

/// Whether a store with this fault passes a case. No time passes while it waits in vain.
fn passes(fault: Fault, case: Promise) -> bool {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let place = Place::of(Broken { store: MemoryStore::new(), fault });
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(case(&place)))).is_ok()
}

fn is_caught(fault: Fault, cases: &[Promise]) {
    for (index, &case) in cases.iter().enumerate() {
        assert!(passes(Fault::None, case), "case {index}: a store without a fault does not pass");
        assert!(!passes(fault, case), "case {index}: a store that {fault:?} passes");
    }
}

#[test]
fn a_store_that_forgets_duplicates_is_caught() {
    is_caught(
        Fault::ForgetsDuplicates,
        &[
            duplicates::a_repeated_commit_is_a_duplicate_whatever_it_expects,
            duplicates::one_repeated_part_makes_the_whole_commit_a_duplicate,
            concurrency::a_commit_that_many_send_is_stored_once,
        ],
    );
}

#[test]
fn a_store_that_answers_a_conflict_when_the_events_are_stored_is_caught() {
    is_caught(
        Fault::ConflictsLate,
        &[
            expected::a_written_stream_refuses_no_stream_and_other_versions,
            expected::every_expectation_holds_or_conflicts_by_the_version_alone,
            model::a_store_answers_as_the_one_in_memory_does,
        ],
    );
}

#[test]
fn a_store_that_tears_commits_is_caught() {
    is_caught(
        Fault::TearsCommits,
        &[
            parts::one_conflicting_part_leaves_nothing_of_the_others,
            parts::one_refused_part_leaves_nothing_wherever_it_stands,
            append::an_append_whose_caller_is_gone_is_stored_whole_or_not_at_all,
            concurrency::what_many_store_is_in_the_log_once_and_together,
            concurrency::readers_see_a_prefix_of_the_log_in_whole_commits,
        ],
    );
}

#[test]
fn a_store_that_ignores_the_fence_is_caught() {
    is_caught(
        Fault::IgnoresTheFence,
        &[
            processors::a_commit_under_a_lease_is_stored_while_it_is_held,
            processors::a_fence_is_looked_at_before_the_version,
            handles::a_lease_keeps_the_other_out,
        ],
    );
}

#[test]
fn a_store_that_skips_events_is_caught() {
    is_caught(
        Fault::SkipsEvents,
        &[
            log::the_log_is_read_in_pages,
            log::filters_take_streams_categories_and_names_together,
            log::an_event_is_found_by_its_id,
            subscription::waiting_ends_at_once_if_there_is_something,
            model::a_store_answers_as_the_one_in_memory_does,
        ],
    );
}

#[test]
fn a_store_that_loses_wake_ups_is_caught() {
    is_caught(
        Fault::LosesWakeUps,
        &[
            subscription::waiting_ends_at_once_if_there_is_something,
            subscription::waiting_ends_when_something_comes,
            subscription::waiting_ends_for_everybody,
        ],
    );
}

#[test]
fn a_store_that_keeps_what_was_redacted_is_caught() {
    is_caught(
        Fault::KeepsPayloads,
        &[
            edit::a_redacted_event_keeps_its_place_and_loses_its_payload,
            edit::a_redacted_event_is_found_by_its_id_and_by_filters,
        ],
    );
}

#[test]
fn a_store_that_lists_out_of_order_is_caught() {
    is_caught(
        Fault::ListsBackwards,
        &[
            documents::documents_are_listed_in_the_order_of_their_bytes,
            documents::a_collection_is_read_page_by_page,
            documents::many_documents_are_written_in_one_advance,
        ],
    );
}

#[test]
fn a_store_that_lends_a_lease_twice_is_caught() {
    is_caught(
        Fault::LendsTwice,
        &[
            processors::a_lease_that_is_held_is_nobody_elses,
            processors::of_many_that_want_a_lease_one_has_it,
            handles::a_lease_keeps_the_other_out,
        ],
    );
}
