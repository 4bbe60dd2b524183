//! The limits are the same on every store, and what goes over one leaves nothing.

use crate::bank::{
    CloseAccount, Deposit, DepositParts, OpenAccount, ann, bank, bob, deposit, open, opened, replayed, stream,
};
use crate::kit::Place;
use es_core::prelude::*;

on_every_store! {
    a_thousand_events_are_stored_and_one_more_is_not
    four_mebibytes_are_the_most
    a_group_has_one_limit_for_all
    a_closed_stream_takes_nothing
    a_stream_that_was_closed_before_its_birth_has_none
}

async fn a_thousand_events_are_stored_and_one_more_is_not(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 0).await;
    let parts = |parts| DepositParts { account: ann(), amount: 1, parts };
    let refused = app.execute(parts(1_001)).await.unwrap_err();
    assert!(matches!(refused, CommandError::TooLarge { size: 1_001, limit: 1_000, .. }), "{refused}");
    assert_eq!(replayed(&place, &ann()).await, Some(0));
    assert_eq!(app.execute(parts(1_000)).await.unwrap().version, 1_002);
    assert_eq!(replayed(&place, &ann()).await, Some(1_000));
}

async fn four_mebibytes_are_the_most(place: Place) {
    const MOST: usize = 4 * 1024 * 1024;
    let app = bank(place.open().await).await;
    let named = |length| OpenAccount { account: ann(), owner: "a".repeat(length) };
    let refused = app.execute(named(MOST)).await.unwrap_err();
    assert!(matches!(refused, CommandError::TooLarge { limit: MOST, .. }), "{refused}");
    assert_eq!(place.stored(&stream(&ann())).await, []);
    app.execute(named(MOST - 1_000)).await.unwrap();
    assert_eq!(place.stored(&stream(&ann())).await.len(), 1);
}

async fn a_group_has_one_limit_for_all(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 0).await;
    opened(&app, bob(), 0).await;
    let parts = |account| DepositParts { account, amount: 1, parts: 501 };
    let refused = app.execute_all((parts(ann()), parts(bob()))).await.unwrap_err();
    assert!(matches!(refused, CommandError::TooLarge { size: 1_002, limit: 1_000, .. }), "{refused}");
    assert_eq!(replayed(&place, &ann()).await, Some(0));
    assert_eq!(replayed(&place, &bob()).await, Some(0));
}

async fn a_closed_stream_takes_nothing(place: Place) {
    let (app, other) = (bank(place.open().await).await, bank(place.open().await).await);
    opened(&app, ann(), 10).await;
    other.close(&stream(&ann()), "moved").await.unwrap();
    // This app still has the open account in its cache.
    let refused = app.execute(deposit(ann(), 1)).await.unwrap_err();
    assert!(matches!(&refused, CommandError::Ended { stream } if stream.as_str() == "account-ann"));
    let refused = other.execute(CloseAccount { account: ann() }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Ended { .. }), "{refused}");
    let refused = app.execute_all(vec![Deposit { account: ann(), amount: 1 }]).await.unwrap_err();
    assert!(matches!(refused, CommandError::Ended { .. }), "{refused}");
    assert_eq!(replayed(&place, &ann()).await, None);
    assert_eq!(place.stored(&stream(&ann())).await.len(), 2);
}

async fn a_stream_that_was_closed_before_its_birth_has_none(place: Place) {
    let app = bank(place.open().await).await;
    app.close(&stream(&ann()), "never").await.unwrap();
    let refused = app.execute(open(ann())).await.unwrap_err();
    assert!(matches!(refused, CommandError::Ended { .. }), "{refused}");
}
