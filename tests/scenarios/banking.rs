//! Accounts: opened once, paid into, paid out of, never overdrawn.

use crate::kit::recorded;
use es_core::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[aggregate_id]
pub struct AccountId(Uuid);

#[value]
#[derive(Copy)]
pub enum Currency {
    Eur,
}

#[event(name = "account-opened")]
pub struct AccountOpened {
    pub owner: String,
    pub currency: Currency,
}
#[event(name = "account-amount-deposited")]
pub struct MoneyDeposited {
    pub amount: i64,
}
#[event(name = "account-amount-withdrawn")]
pub struct MoneyWithdrawn {
    pub amount: i64,
}

#[command(Account)]
pub struct OpenAccount {
    #[id]
    pub account: AccountId,
    pub owner: String,
}
#[command(Account)]
pub struct DepositMoney {
    #[id]
    pub account: AccountId,
    pub amount: i64,
}
#[command(Account)]
pub struct WithdrawMoney {
    #[id]
    pub account: AccountId,
    pub amount: i64,
}
/// Somebody else is entitled to the money and does not look at the balance.
#[command(Account)]
pub struct CollectDebt {
    #[id]
    pub account: AccountId,
    pub amount: i64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError {
    #[error("an amount must be more than nothing")]
    NotPositive,
    #[error("withdrawal would result in overdraft")]
    Overdraft,
    #[error("a balance cannot be below zero")]
    BelowZero,
}

#[aggregate(id = AccountId)]
pub struct Account {
    owner: String,
    balance: i64,
    currency: Currency,
}

#[applier]
impl Account {
    fn opened(e: &AccountOpened) -> Self {
        Self { owner: e.owner.clone(), balance: 0, currency: e.currency }
    }
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance += e.amount;
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance -= e.amount;
    }

    #[invariant]
    fn not_below_zero(&self) -> Result<(), AccountError> {
        if self.balance < 0 { Err(AccountError::BelowZero) } else { Ok(()) }
    }
}

#[command_handler(retry(max = 5, backoff = "1ms..5ms"))]
impl Account {
    #[validate]
    fn deposits_something(command: &DepositMoney) -> Result<(), AccountError> {
        positive(command.amount)
    }
    #[validate]
    fn withdraws_something(command: &WithdrawMoney) -> Result<(), AccountError> {
        positive(command.amount)
    }
    fn open(command: OpenAccount) -> AccountOpened {
        AccountOpened { owner: command.owner, currency: Currency::Eur }
    }
    fn deposit(&self, command: DepositMoney) -> Result<MoneyDeposited, AccountError> {
        Ok(MoneyDeposited { amount: command.amount })
    }
    fn withdraw(&self, command: WithdrawMoney) -> Result<MoneyWithdrawn, AccountError> {
        if command.amount > self.balance {
            return Err(AccountError::Overdraft);
        }
        Ok(MoneyWithdrawn { amount: command.amount })
    }
    fn collect(&self, command: CollectDebt, asked: &Asked) -> MoneyWithdrawn {
        asked.0.fetch_add(1, Ordering::Relaxed);
        MoneyWithdrawn { amount: command.amount }
    }
}

fn positive(amount: i64) -> Result<(), AccountError> {
    if amount > 0 { Ok(()) } else { Err(AccountError::NotPositive) }
}

/// How often a debt was collected, or tried to be.
#[derive(Default)]
pub struct Asked(AtomicU32);

async fn app(store: impl EventStore, asked: &Arc<Asked>) -> App {
    App::builder(store).aggregate::<Account>().service(asked.clone()).build().await.unwrap()
}

/// Ann's account, with so much on it.
async fn account_with(app: &App, amount: i64) -> AccountId {
    let account = AccountId::new();
    app.execute(OpenAccount { account, owner: "Ann".into() }).await.unwrap();
    app.execute(DepositMoney { account, amount }).await.unwrap();
    account
}

on_every_store! {
    ac_44_an_invariant_is_not_broken_and_nobody_tries_twice,
    ac_45_an_account_is_used,
    ac_45_an_account_is_opened_once,
    ac_45_an_account_is_not_overdrawn,
    ac_45_an_amount_is_checked_before_anything_is_read,
    ac_45_nothing_is_paid_into_an_account_that_was_never_opened,
}

async fn ac_44_an_invariant_is_not_broken_and_nobody_tries_twice(store: impl EventStore + Clone) {
    let asked = Arc::default();
    let app_then = app(store.clone(), &asked).await;
    let account = account_with(&app_then, 5_000).await;
    let refused = app_then.execute(CollectDebt { account, amount: 8_000 }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Invariant(AccountError::BelowZero)), "{refused}");
    assert_eq!(asked.0.load(Ordering::Relaxed), 1);
    assert_eq!(recorded(&store).await, 2);
    for app in [app_then, app(store, &asked).await] {
        assert_eq!(app.load::<Account>(&account).await.unwrap().unwrap().balance, 5_000);
    }
}

async fn ac_45_an_account_is_used(store: impl EventStore + Clone) {
    let app = app(store.clone(), &Arc::default()).await;
    let account = AccountId::new();
    let opened = app.execute(OpenAccount { account, owner: "Ann".into() }).await.unwrap();
    let empty = Account { owner: "Ann".into(), balance: 0, currency: Currency::Eur };
    assert_eq!(*opened.state.unwrap(), empty);

    app.execute(DepositMoney { account, amount: 10_000 }).await.unwrap();
    let withdrawn = app.execute(WithdrawMoney { account, amount: 3_000 }).await.unwrap();
    assert_eq!((withdrawn.version, withdrawn.state.unwrap().balance), (3, 7_000));
    let events = crate::kit::stored(&store, &Account::stream(&account)).await;
    let names: Vec<_> = events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(names, ["account-opened", "account-amount-deposited", "account-amount-withdrawn"]);
}

async fn ac_45_an_account_is_opened_once(store: impl EventStore) {
    let app = app(store, &Arc::default()).await;
    let account = account_with(&app, 1).await;
    let again = app.execute(OpenAccount { account, owner: "Bob".into() }).await.unwrap_err();
    assert_eq!(again.to_string(), format!("account-{account} exists already"));
}

async fn ac_45_an_account_is_not_overdrawn(store: impl EventStore + Clone) {
    let app = app(store.clone(), &Arc::default()).await;
    let account = account_with(&app, 7_000).await;
    let refused = app.execute(WithdrawMoney { account, amount: 8_000 }).await.unwrap_err();
    assert_eq!(refused.to_string(), "withdrawal would result in overdraft");
    assert_eq!(recorded(&store).await, 2);
}

async fn ac_45_an_amount_is_checked_before_anything_is_read(store: impl EventStore) {
    let app = app(store, &Arc::default()).await;
    let account = AccountId::new(); // which would be found out by reading
    for amount in [0, -1] {
        let refused = app.execute(WithdrawMoney { account, amount }).await.unwrap_err();
        assert!(matches!(refused, CommandError::Rejected(AccountError::NotPositive)), "{refused}");
    }
}

async fn ac_45_nothing_is_paid_into_an_account_that_was_never_opened(store: impl EventStore + Clone) {
    let app = app(store.clone(), &Arc::default()).await;
    let refused = app.execute(DepositMoney { account: AccountId::new(), amount: 1 }).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotFound { .. }), "{refused}");
    assert_eq!(recorded(&store).await, 0);
}
