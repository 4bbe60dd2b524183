//! The model, by given, when and then.

use bank::account::{
    Account, AccountClosed, AccountError, AccountId, AccountOpened, CloseAccount, Currency, Deposit, LIMIT,
    Money, MoneyDeposited, MoneyWithdrawn, OpenAccount, Withdraw,
};
use es_core::prelude::*;
use es_core::serde_json::json;
use es_testing::prelude::*;

fn ann() -> AccountId {
    AccountId::from("ann")
}

fn opened() -> AccountOpened {
    AccountOpened { owner: "Ann".into(), currency: Currency::Eur }
}

fn open() -> OpenAccount {
    OpenAccount { account: ann(), owner: "Ann".into(), currency: Currency::Eur }
}

fn deposited(amount: u64) -> MoneyDeposited {
    MoneyDeposited { amount, currency: Currency::Eur }
}

fn deposit(amount: u64) -> Deposit {
    Deposit { account: ann(), amount, currency: Currency::Eur }
}

fn withdraw(amount: u64) -> Withdraw {
    Withdraw { account: ann(), amount, currency: Currency::Eur }
}

fn euros(cents: i64) -> Money {
    Money { cents, currency: Currency::Eur }
}

#[test]
fn an_account_is_opened_with_nothing_on_it() {
    let now: Timestamp = "2026-02-01T12:00:00Z".parse().unwrap();
    given_nothing().at(now).when(open()).then(opened()).then_state(move |account: &Account| {
        assert_eq!((account.owner(), account.balance(), account.opened_at()), ("Ann", euros(0), now));
    });
}

#[test]
fn an_account_is_opened_once() {
    given(opened()).when(open()).then_already_exists();
}

#[test]
fn whoever_has_no_name_gets_no_account() {
    for owner in ["", "  ", "Ann\u{1b}[2J", &"x".repeat(65)] {
        let nameless = OpenAccount { owner: owner.into(), ..open() };
        given_nothing().when(nameless).then_error(AccountError::BadName { what: "owner" });
    }
}

#[test]
fn a_deposit_answers_with_the_new_balance() {
    given((opened(), deposited(1_000))).when(deposit(250)).then(deposited(250)).then_reply(euros(1_250));
}

#[test]
fn a_withdrawal_answers_with_the_new_balance() {
    given((opened(), deposited(1_000)))
        .when(withdraw(1_000))
        .then(MoneyWithdrawn { amount: 1_000 })
        .then_reply(euros(0));
}

#[test]
fn an_overdraft_is_refused_and_the_account_goes_on() {
    given((opened(), deposited(5_000)))
        .when(withdraw(5_001))
        .then_error(AccountError::Overdraft { available: euros(5_000), requested: euros(5_001) })
        .when(withdraw(5_000))
        .then(MoneyWithdrawn { amount: 5_000 });
}

#[test]
fn an_amount_of_nothing_is_refused() {
    given(opened()).when(deposit(0)).then_error(AccountError::BadAmount { amount: 0 });
    given(opened()).when(withdraw(0)).then_error(AccountError::BadAmount { amount: 0 });
}

#[test]
fn money_of_another_currency_is_refused() {
    let wrong = AccountError::WrongCurrency { account: Currency::Eur, given: Currency::Chf };
    given(opened()).when(Deposit { currency: Currency::Chf, ..deposit(1) }).then_error(wrong.clone());
    given((opened(), deposited(1)))
        .when(Withdraw { currency: Currency::Chf, ..withdraw(1) })
        .then_error(wrong);
}

#[test]
fn a_balance_beyond_the_limit_breaks_the_invariant() {
    given((opened(), deposited(LIMIT)))
        .when(deposit(1))
        .then_invariant(AccountError::OutOfBounds { balance: euros(LIMIT.cast_signed() + 1) });
}

#[test]
fn closing_pays_out_what_is_left() {
    given((opened(), deposited(70)))
        .when(CloseAccount { account: ann() })
        .then((MoneyWithdrawn { amount: 70 }, AccountClosed))
        .when(deposit(1))
        .then_ended();
}

#[test]
fn closing_an_empty_account_pays_nothing() {
    given(opened()).when(CloseAccount { account: ann() }).then(AccountClosed);
}

#[test]
fn an_account_that_was_never_opened_takes_nothing() {
    given_nothing().when(deposit(1)).then_not_found();
}

#[test]
fn two_withdrawals_at_once_do_not_overdraw() {
    given((opened(), deposited(50)))
        .when_raced_by(MoneyWithdrawn { amount: 40 }, withdraw(30))
        .then_error(AccountError::Overdraft { available: euros(10), requested: euros(30) })
        .then_attempts(2);
}

#[test]
fn a_deposit_from_the_days_of_euros_only_is_one_of_euros() {
    given(opened())
        .given_stored("account.deposited", 1, json!({ "amount": 150 }))
        .when(withdraw(150))
        .then_reply(euros(0));
}

#[test]
fn money_is_shown_with_two_decimals() {
    let shown = [0, 5, 1_250, -1_250].map(|cents| euros(cents).to_string());
    assert_eq!(shown, ["0.00 EUR", "0.05 EUR", "12.50 EUR", "-12.50 EUR"]);
}
