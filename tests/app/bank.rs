//! The bank that most cases happen in.

use crate::kit::Place;
use es_core::prelude::*;
use std::sync::Arc;

#[aggregate_id]
pub struct AccountId(pub String);

#[event]
pub struct AccountOpened {
    pub owner: String,
}
#[event]
pub struct MoneyDeposited {
    pub amount: u64,
}
#[event]
pub struct MoneyWithdrawn {
    pub amount: u64,
}
#[event]
pub struct AccountClosed;

/// What a withdrawal is answered with.
#[value]
pub struct Receipt {
    pub left: u64,
}

#[command(Account)]
pub struct OpenAccount {
    #[id]
    pub account: AccountId,
    pub owner: String,
}
#[command(Account)]
pub struct Deposit {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}
#[command(Account)]
pub struct Withdraw {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}
/// Deposits what is missing to a level; nothing, where nothing is.
#[command(Account)]
pub struct FillUp {
    #[id]
    pub account: AccountId,
    pub level: u64,
}
/// Deposits one amount several times.
#[command(Account)]
pub struct DepositParts {
    #[id]
    pub account: AccountId,
    pub amount: u64,
    pub parts: usize,
}
#[command(Account)]
pub struct CloseAccount {
    #[id]
    pub account: AccountId,
}
/// Deposits after an errand was run.
#[command(Account)]
pub struct Fetch {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}
/// The same, and again if somebody was faster.
#[command(Account)]
pub struct FetchPatiently {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError {
    #[error("{available} is not enough")]
    Overdraft { available: u64 },
    #[error("nothing is no amount")]
    Nothing,
}

/// Something that a handler has done outside.
pub trait Errand: Send + Sync {
    fn run<'a>(&'a self, account: &'a AccountId, balance: u64) -> BoxFuture<'a, ()>;
}

/// An errand that nobody has to run.
pub struct NoErrand;

impl Errand for NoErrand {
    fn run<'a>(&'a self, _: &'a AccountId, _: u64) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

#[aggregate(id = AccountId)]
pub struct Account {
    pub owner: String,
    pub balance: u64,
}

#[applier]
impl Account {
    fn opened(e: &AccountOpened) -> Self {
        Account { owner: e.owner.clone(), balance: 0 }
    }
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance += e.amount;
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance = self.balance.saturating_sub(e.amount);
    }
    fn closed(self, _: &AccountClosed) {}
}

#[command_handler(retry(max = 100, backoff = "1ms..4ms"))]
impl Account {
    #[validate]
    fn something(command: &Withdraw) -> Result<(), AccountError> {
        if command.amount == 0 { Err(AccountError::Nothing) } else { Ok(()) }
    }
    fn open(command: OpenAccount) -> AccountOpened {
        AccountOpened { owner: command.owner }
    }
    fn deposit(&self, command: Deposit) -> MoneyDeposited {
        MoneyDeposited { amount: command.amount }
    }
    fn withdraw(&self, command: Withdraw) -> Result<Reply<MoneyWithdrawn, Receipt>, AccountError> {
        if command.amount > self.balance {
            return Err(AccountError::Overdraft { available: self.balance });
        }
        let withdrawn = MoneyWithdrawn { amount: command.amount };
        Ok(Reply::from_state(withdrawn, |account: &Account| Receipt { left: account.balance }))
    }
    fn fill_up(&self, command: FillUp) -> Option<MoneyDeposited> {
        let missing = command.level.checked_sub(self.balance).filter(|missing| *missing > 0);
        missing.map(|amount| MoneyDeposited { amount })
    }
    fn deposit_parts(&self, command: DepositParts) -> Vec<MoneyDeposited> {
        vec![MoneyDeposited { amount: command.amount }; command.parts]
    }
    fn close(&self, _: CloseAccount) -> AccountClosed {
        AccountClosed
    }
    #[retry(max = 0)]
    async fn fetch(&self, command: Fetch, errand: &dyn Errand) -> MoneyDeposited {
        errand.run(&command.account, self.balance).await;
        MoneyDeposited { amount: command.amount }
    }
    #[retry(max = 3, backoff = "1ms..2ms")]
    async fn fetch_patiently(&self, command: FetchPatiently, errand: &dyn Errand) -> MoneyDeposited {
        errand.run(&command.account, self.balance).await;
        MoneyDeposited { amount: command.amount }
    }
}

/// The bank over a store.
pub async fn bank(store: impl EventStore) -> App {
    bank_with(store, Arc::new(NoErrand)).await
}

/// The bank, whose errands are run by this one.
pub async fn bank_with(store: impl EventStore, errand: Arc<dyn Errand>) -> App {
    App::builder(store).aggregate::<Account>().service::<dyn Errand>(errand).build().await.unwrap()
}

/// Who has cached nothing.
pub async fn newcomer(place: &Place) -> App {
    App::builder(place.open().await)
        .aggregate::<Account>()
        .service::<dyn Errand>(Arc::new(NoErrand))
        .cache(0)
        .build()
        .await
        .unwrap()
}

pub fn ann() -> AccountId {
    AccountId("ann".into())
}

pub fn bob() -> AccountId {
    AccountId("bob".into())
}

pub fn stream(account: &AccountId) -> StreamId {
    Account::stream(account)
}

pub fn open(account: AccountId) -> OpenAccount {
    OpenAccount { account, owner: "Ann".into() }
}

pub fn deposit(account: AccountId, amount: u64) -> Deposit {
    Deposit { account, amount }
}

pub fn withdraw(account: AccountId, amount: u64) -> Withdraw {
    Withdraw { account, amount }
}

/// Opens an account with so much on it: versions 1 and 2.
pub async fn opened(app: &App, account: AccountId, balance: u64) {
    app.execute(open(account.clone())).await.unwrap();
    app.execute(deposit(account, balance)).await.unwrap();
}

/// What is on an account, asked of an app.
pub async fn balance(app: &App, account: &AccountId) -> Option<u64> {
    app.load::<Account>(account).await.unwrap().map(|account| account.balance)
}

/// What is on an account, read from the log by somebody who knows nothing yet.
pub async fn replayed(place: &Place, account: &AccountId) -> Option<u64> {
    balance(&newcomer(place).await, account).await
}
