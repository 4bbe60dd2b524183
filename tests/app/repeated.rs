//! A command that is repeated under its id answers as it did the first time.

use crate::bank::{
    Account, AccountError, AccountEvent, CloseAccount, Deposit, FillUp, MoneyWithdrawn, Receipt, ann,
    balance, bank, deposit, opened, replayed, stream, withdraw,
};
use crate::kit::Place;
use crate::probe::Fate;
use es_core::prelude::*;

on_every_store! {
    a_repeated_withdrawal_answers_as_the_first_time
    an_answer_stays_when_the_money_is_gone
    an_answer_stays_behind_the_end
    an_answer_comes_before_the_expected_version
    an_answer_comes_before_the_validation
    a_withdrawal_that_nobody_heard_of_is_not_repeated
    two_processes_carry_out_one_command_once
    a_repetition_that_finds_nothing_left_to_do_answers_from_the_log
    an_id_belongs_to_one_command
    one_id_serves_on_every_stream
    metadata_may_be_passed_on
}

const ID: &str = "stripe:evt_1";

async fn is_the_first_answer(place: &Place, again: &Committed<Account, Receipt>, left: u64) {
    assert_eq!(again.events, [AccountEvent::MoneyWithdrawn(MoneyWithdrawn { amount: 80 })]);
    assert_eq!(again.reply, Receipt { left });
    assert_eq!((again.version, again.position), (3, place.positions().await[2]));
    assert!(again.duplicate && again.state.is_none());
}

async fn a_repeated_withdrawal_answers_as_the_first_time(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 100).await;
    let first = app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap();
    assert!(!first.duplicate && first.state.is_some());
    is_the_first_answer(
        &place,
        &app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap(),
        20,
    )
    .await;
    assert_eq!(replayed(&place, &ann()).await, Some(20));
}

async fn an_answer_stays_when_the_money_is_gone(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 80).await;
    app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap();
    let other = bank(place.open().await).await;
    is_the_first_answer(
        &place,
        &other.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap(),
        0,
    )
    .await;
}

async fn an_answer_stays_behind_the_end(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 80).await;
    app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap();
    app.execute(CloseAccount { account: ann() }).await.unwrap();
    app.close(&stream(&ann()), "moved").await.unwrap();
    is_the_first_answer(&place, &app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap(), 0)
        .await;
}

async fn an_answer_comes_before_the_expected_version(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 80).await;
    for _ in 0..2 {
        let done = app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).expect_version(2).await.unwrap();
        assert_eq!(done.version, 3);
    }
}

async fn an_answer_comes_before_the_validation(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 80).await;
    app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap();
    // Newer code may be stricter; what was carried out stays carried out.
    is_the_first_answer(&place, &app.execute(withdraw(ann(), 0)).id(CommandId::named(ID)).await.unwrap(), 0)
        .await;
}

async fn a_withdrawal_that_nobody_heard_of_is_not_repeated(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 100).await;
    store.fates([Fate::StoredAndStuck]);
    store.drop_when_stuck(app.execute(withdraw(ann(), 80)).id(CommandId::named(ID))).await;
    is_the_first_answer(
        &place,
        &app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap(),
        20,
    )
    .await;
    assert_eq!(balance(&app, &ann()).await, Some(20));
}

async fn two_processes_carry_out_one_command_once(place: Place) {
    let (store, other) = (place.open().await, bank(place.open().await).await);
    let app = bank(store.clone()).await;
    opened(&app, ann(), 80).await;
    // Both have looked and found nothing; the other one is faster, and then there is no money left.
    let rival = other.clone();
    store.after_find(async move {
        rival.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap();
    });
    let done = app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap();
    is_the_first_answer(&place, &done, 0).await;
    assert_eq!(place.stored(&stream(&ann())).await.len(), 3);
}

async fn a_repetition_that_finds_nothing_left_to_do_answers_from_the_log(place: Place) {
    let (store, other) = (place.open().await, bank(place.open().await).await);
    opened(&other, ann(), 80).await;
    let app = bank(store.clone()).await;
    let rival = other.clone();
    store.after_find(async move {
        rival.execute(FillUp { account: ann(), level: 100 }).id(CommandId::named(ID)).await.unwrap();
    });
    let done = app.execute(FillUp { account: ann(), level: 100 }).id(CommandId::named(ID)).await.unwrap();
    assert_eq!((done.events.len(), done.version, done.duplicate), (1, 3, true));
}

async fn an_id_belongs_to_one_command(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 100).await;
    app.execute(withdraw(ann(), 80)).id(CommandId::named(ID)).await.unwrap();
    let reused = app.execute(deposit(ann(), 80)).id(CommandId::named(ID)).await.unwrap_err();
    let CommandError::IdReused { id, earlier } = reused else { panic!("{reused}") };
    assert_eq!((id, earlier.as_str()), (CommandId::named(ID), "Withdraw"));
    assert_eq!(replayed(&place, &ann()).await, Some(20));
}

async fn one_id_serves_on_every_stream(place: Place) {
    let app = bank(place.open().await).await;
    for account in [ann(), crate::bank::bob()] {
        opened(&app, account.clone(), 100).await;
        let done = app.execute(withdraw(account, 80)).id(CommandId::named(ID)).await.unwrap();
        assert!(!done.duplicate);
    }
}

async fn metadata_may_be_passed_on(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 100).await;
    app.execute(withdraw(ann(), 80)).by("ann").await.unwrap();
    let history = app.history::<Account>(&ann()).await.unwrap();
    let said = Metadata::clone(&history.last().unwrap().envelope.metadata);
    // What was said with one command is said with another; the reply was not said.
    for _ in 0..2 {
        let command = Deposit { account: ann(), amount: 1 };
        let done = app.execute(command).metadata(said.clone()).id(CommandId::named(ID)).await.unwrap();
        assert_eq!(done.version, 4);
    }
    let history = app.history::<Account>(&ann()).await.unwrap();
    let metadata = &history.last().unwrap().envelope.metadata;
    assert_eq!((metadata.actor.as_deref(), metadata.command.as_deref()), (Some("ann"), Some("Deposit")));
}

#[tokio::test]
async fn a_validation_refuses_before_anything_is_read() {
    let store = Place::memory().open().await;
    let app = bank(store.clone()).await;
    let refused = app.execute(withdraw(ann(), 0)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(AccountError::Nothing)));
    assert_eq!(store.counted(), crate::probe::Counted::default());
}
