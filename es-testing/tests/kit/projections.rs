//! Scenarios of projections.
use crate::failure;
use crate::followers::*;
use crate::model::*;
use es_core::jiff::civil::date;
use es_testing::prelude::*;
use expect_test::{Expect, expect};

fn austen() -> BookId {
    BookId("austen".into())
}
fn loans(loans: u32) -> Loans {
    Loans { title: "Emma".into(), loans }
}
fn unknown(loans: u32) -> Loans {
    Loans { title: String::new(), loans }
}

#[track_caller]
fn fails(expected: &Expect, scenario: impl FnOnce()) {
    expected.assert_eq(&failure(scenario));
}

#[test]
fn a_document_for_each_key() {
    projection::<Loans>()
        .given(&emma(), events![bought(), lent("Ann"), LentV1 { reader: "Bob".into() }])
        .given(&austen(), lent("Ann"))
        .then(&emma(), loans(2))
        .then_none(&BookId("other".into()))
        .then_documents([(emma(), loans(2)), (austen(), unknown(1))])
        .given(&emma(), vec![lent("Cyd")])
        .then(&emma(), loans(3));
}

#[test]
fn the_end_of_a_document() {
    projection::<Loans>()
        .given(&emma(), (bought(), lent("Ann"), Discarded))
        .then_none(&emma())
        .then_documents([]);
}

#[test]
fn several_keys_by_time_and_actor() {
    projection::<Days>()
        .at("2024-02-28T23:00:00Z".parse().unwrap())
        .by("Eve")
        .given(&emma(), Lent { reader: "Ann".into(), days: 3 })
        .at("2024-03-01T01:00:00Z".parse().unwrap())
        .metadata(es_core::Metadata::new().with("channel", "desk"))
        .by("Dan")
        .given(&austen(), Lent { reader: "Bob".into(), days: 1 })
        .then(&date(2024, 2, 29), Days { readers: vec!["Ann".into()], lent_by: Some("Eve".into()) })
        .then(
            &date(2024, 3, 1),
            Days { readers: vec!["Ann".into(), "Bob".into()], lent_by: Some("Dan".into()) },
        )
        .then_none(&date(2024, 3, 2));
}

#[test]
fn another_document_than_expected() {
    fails(
        &expect![[r#"
        another document of BookId("emma") than expected (actual ≠ expected):
          `loans` 1 ≠ 2
          `title` "Emma" ≠ ""

          by        Eve
          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                    book-emma@2: Lent { reader: "Ann", days: 14 }
    "#]],
        || {
            projection::<Loans>().by("Eve").given(&emma(), (bought(), lent("Ann"))).then(&emma(), unknown(2));
        },
    );
    fails(
        &expect![[r#"
        there is no document of BookId("austen")
          there is BookId("emma"): {"loans":0,"title":"Emma"}

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            projection::<Loans>().given(&emma(), bought()).then(&austen(), loans(0));
        },
    );
    fails(
        &expect![[r#"
        there should be no document of BookId("emma"):
          {"loans":0,"title":"Emma"}

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            projection::<Loans>().given(&emma(), bought()).then_none(&emma());
        },
    );
    fails(
        &expect![[r#"
        other documents than expected (actual ≠ expected):
          BookId("austen"): missing {"loans":1,"title":"Emma"}
          BookId("emma"): `loans` 0 ≠ 1
          BookId("c"): unexpected {"loans":1,"title":""}

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                    book-c@1: Lent { reader: "Ann", days: 14 }
    "#]],
        || {
            projection::<Loans>()
                .given(&emma(), bought())
                .given(&BookId("c".into()), lent("Ann"))
                .then_documents([(emma(), loans(1)), (austen(), loans(1))]);
        },
    );
}

#[test]
fn a_projection_that_stops() {
    fails(
        &expect![[r#"
        the projection stops at book-emma@2: returned failed: no post for a book that nobody has

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                    book-emma@2: Returned
    "#]],
        || {
            projection::<Loans>().given(&emma(), (bought(), Returned)).then(&emma(), loans(0));
        },
    );
}

#[test]
fn batches_make_no_difference() {
    fails(
        &expect![[r#"
        a law is broken: one batch, many batches and repeated events give the same documents
          event by event, each of them twice ≠ in one batch:
          "Ann": `loans` 1 ≠ 2
          between batches, a document is what serde keeps of it

          given     book-emma@1: Lent { reader: "Ann", days: 14 }
                    book-emma@2: Lent { reader: "Ann", days: 14 }
    "#]],
        || {
            projection::<Forgetful>().given(&emma(), (lent("Ann"), lent("Ann"))).then_none(&"Bob".to_owned());
        },
    );
}

#[test]
fn a_rebuild_makes_no_difference() {
    let text = failure(|| {
        projection::<Restless>().given(&emma(), bought()).then_none(&());
    });
    assert!(text.starts_with("a law is broken: a rebuild gives the same documents\n"), "{text}");
}

#[test]
fn a_projection_without_a_then_checks_nothing() {
    let then_is_missing = "this scenario checks nothing: a `.then_..(..)` has to follow";
    let text = failure(|| drop(projection::<Loans>().given(&emma(), bought())));
    assert!(text.contains(then_is_missing), "{text}");
    let text = failure(|| drop(projection::<Loans>().then_documents([]).given(&emma(), bought())));
    assert!(text.contains(then_is_missing), "{text}");
}
