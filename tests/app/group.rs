//! Several commands in one commit: all of them or none.

use crate::bank::{
    Account, AccountError, Deposit, FillUp, OpenAccount, ann, balance, bank, bob, deposit, newcomer, open,
    opened, replayed, stream, withdraw,
};
use crate::kit::Place;
use crate::probe::Fate;
use es_core::prelude::*;

on_every_store! {
    two_streams_are_written_together
    a_later_command_sees_what_an_earlier_one_decided
    one_refusal_leaves_nothing_anywhere
    a_conflict_repeats_the_whole_group
    a_list_of_one_type_is_a_group
    nothing_to_do_at_all_appends_nothing
    a_repeated_group_is_answered_from_the_log
    a_repeated_group_answers_for_its_silent_members
    a_group_that_another_process_carried_out_is_answered_from_the_log
    a_group_that_finds_nothing_left_to_do_answers_from_the_log
    the_states_that_a_group_leaves_are_the_replayed_ones
}

async fn two_accounts(place: &Place) -> App {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 100).await;
    opened(&app, bob(), 0).await;
    app
}

async fn balances(place: &Place) -> (Option<u64>, Option<u64>) {
    (replayed(place, &ann()).await, replayed(place, &bob()).await)
}

async fn two_streams_are_written_together(place: Place) {
    let app = two_accounts(&place).await;
    let (taken, given) = app.execute_all((withdraw(ann(), 30), deposit(bob(), 30))).await.unwrap();
    assert_eq!((taken.reply.left, taken.version, given.version), (70, 3, 3));
    assert_eq!(given.state.unwrap().balance, 30);
    assert_eq!(balances(&place).await, (Some(70), Some(30)));
    let stored: Vec<_> =
        [place.stored(&stream(&ann())).await.remove(2), place.stored(&stream(&bob())).await.remove(2)]
            .map(|event| event.position)
            .to_vec();
    assert_eq!(stored, place.positions().await[4..]);
}

async fn a_later_command_sees_what_an_earlier_one_decided(place: Place) {
    let app = bank(place.open().await).await;
    let (_, _, taken) = app.execute_all((open(ann()), deposit(ann(), 10), withdraw(ann(), 4))).await.unwrap();
    assert_eq!((taken.version, taken.reply.left), (3, 6));
    let refused = app.execute_all((withdraw(ann(), 4), withdraw(ann(), 4))).await.unwrap_err();
    let CommandError::Rejected(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused.downcast_ref(), Some(&AccountError::Overdraft { available: 2 }));
    assert_eq!(replayed(&place, &ann()).await, Some(6));
}

async fn one_refusal_leaves_nothing_anywhere(place: Place) {
    let app = two_accounts(&place).await;
    app.execute_all((deposit(bob(), 500), withdraw(ann(), 500))).await.unwrap_err();
    // A validation is a refusal, too, and comes before anything is read.
    app.execute_all((deposit(bob(), 500), withdraw(ann(), 0))).await.unwrap_err();
    app.execute_all((deposit(bob(), 500), open(ann()))).await.unwrap_err();
    assert_eq!(balances(&place).await, (Some(100), Some(0)));
    assert_eq!(balance(&app, &bob()).await, Some(0));
}

async fn a_conflict_repeats_the_whole_group(place: Place) {
    two_accounts(&place).await;
    let (store, other) = (place.open().await, bank(place.open().await).await);
    let app = bank(store.clone()).await;
    let rival = async move {
        other.execute(deposit(bob(), 1)).await.unwrap();
    };
    store.fates([Fate::After(Box::pin(rival))]);
    let (taken, given) = app.execute_all((withdraw(ann(), 30), deposit(bob(), 30))).await.unwrap();
    assert_eq!((taken.attempts, given.attempts, given.state.unwrap().balance), (2, 2, 31));
    assert_eq!(balances(&place).await, (Some(70), Some(31)));
}

async fn a_list_of_one_type_is_a_group(place: Place) {
    let app = two_accounts(&place).await;
    let to = |account| Deposit { account, amount: 5 };
    let done = app.execute_all(vec![to(ann()), to(bob()), to(ann())]).await.unwrap();
    let versions: Vec<_> = done.iter().map(|done| done.version).collect();
    assert_eq!(versions, [3, 3, 4]);
    assert_eq!(balances(&place).await, (Some(110), Some(5)));
    assert!(app.execute_all(Vec::<Deposit>::new()).await.unwrap().is_empty());
}

async fn nothing_to_do_at_all_appends_nothing(place: Place) {
    let app = two_accounts(&place).await;
    let full = |account| FillUp { account, level: 0 };
    let (one, two) = app.execute_all((full(ann()), full(bob()))).await.unwrap();
    assert_eq!((one.version, two.version, one.events.len()), (2, 2, 0));
    let all = place.positions().await;
    assert_eq!((one.position, two.position), (all[1], all[3]));
}

async fn a_repeated_group_is_answered_from_the_log(place: Place) {
    let app = two_accounts(&place).await;
    let id = CommandId::named("transfer:1");
    let first = app.execute_all((withdraw(ann(), 80), deposit(bob(), 80))).id(id).await.unwrap();
    let again = app.execute_all((withdraw(ann(), 80), deposit(bob(), 80))).id(id).await.unwrap();
    assert!(!first.0.duplicate && again.0.duplicate && again.1.duplicate);
    assert_eq!((again.0.events, again.1.events), (first.0.events, first.1.events));
    assert_eq!((again.0.reply, again.0.version, again.1.version), (first.0.reply, 3, 3));
    assert!(again.0.state.is_none());
    let reused = app.execute_all((deposit(ann(), 80), deposit(bob(), 80))).id(id).await.unwrap_err();
    assert!(matches!(reused, CommandError::IdReused { .. }), "{reused}");
    assert_eq!(balances(&place).await, (Some(20), Some(80)));
}

async fn a_repeated_group_answers_for_its_silent_members(place: Place) {
    let app = two_accounts(&place).await;
    let id = CommandId::named("transfer:1");
    let group = || (withdraw(ann(), 80), FillUp { account: bob(), level: 0 });
    app.execute_all(group()).id(id).await.unwrap();
    let (taken, filled) = app.execute_all(group()).id(id).await.unwrap();
    assert_eq!((taken.duplicate, filled.duplicate, filled.events.len()), (true, true, 0));
    assert_eq!(balances(&place).await, (Some(20), Some(0)));
}

async fn a_group_that_another_process_carried_out_is_answered_from_the_log(place: Place) {
    let other = two_accounts(&place).await;
    let store = place.open().await;
    let app = bank(store.clone()).await;
    let id = CommandId::named("transfer:1");
    let group = || (withdraw(ann(), 80), deposit(bob(), 80));
    let rival = other.clone();
    store.after_find(async move {
        rival.execute_all(group()).id(id).await.unwrap();
    });
    let (taken, given) = app.execute_all(group()).id(id).await.unwrap();
    assert!(taken.duplicate && given.duplicate);
    assert_eq!(balances(&place).await, (Some(20), Some(80)));
}

async fn a_group_that_finds_nothing_left_to_do_answers_from_the_log(place: Place) {
    let other = two_accounts(&place).await;
    let store = place.open().await;
    let app = bank(store.clone()).await;
    let id = CommandId::named("fill:1");
    let group = || vec![FillUp { account: ann(), level: 150 }];
    let rival = other.clone();
    store.after_find(async move {
        rival.execute_all(group()).id(id).await.unwrap();
    });
    let done = app.execute_all(group()).id(id).await.unwrap();
    assert_eq!((done[0].duplicate, done[0].events.len(), done[0].version), (true, 1, 3));
}

async fn the_states_that_a_group_leaves_are_the_replayed_ones(place: Place) {
    let app = two_accounts(&place).await;
    let parts = (deposit(ann(), 1), deposit(bob(), 2), deposit(ann(), 3));
    app.execute_all(parts).await.unwrap();
    let fresh = newcomer(&place).await;
    for account in [ann(), bob()] {
        let kept = app.load::<Account>(&account).await.unwrap().unwrap();
        let replayed = fresh.load::<Account>(&account).await.unwrap().unwrap();
        assert_eq!((&*kept, kept.version()), (&*replayed, replayed.version()));
        assert_eq!((kept.position(), kept.recorded_at()), (replayed.position(), replayed.recorded_at()));
    }
    let refused = app.execute_all((OpenAccount { account: ann(), owner: "Ann".into() },)).await.unwrap_err();
    assert!(matches!(refused, CommandError::AlreadyExists { .. }), "{refused}");
}
