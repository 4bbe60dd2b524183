//! A bank: accounts, and transfers between them.

use es_core::prelude::*;

#[event]
pub struct AccountOpened {
    pub balance: u64,
}
#[event]
pub struct MoneyWithdrawn {
    pub amount: u64,
    pub transfer: u32,
}
#[event]
pub struct MoneyDeposited {
    pub amount: u64,
    pub transfer: u32,
}
#[event]
pub struct AccountFrozen;

#[command(Account)]
pub struct OpenAccount {
    #[id]
    pub account: String,
    pub balance: u64,
}
#[command(Account)]
pub struct Withdraw {
    #[id]
    pub account: String,
    pub amount: u64,
    pub transfer: u32,
}
#[command(Account)]
pub struct Deposit {
    #[id]
    pub account: String,
    pub amount: u64,
    pub transfer: u32,
}
#[command(Account)]
pub struct Freeze {
    #[id]
    pub account: String,
}

#[derive(thiserror::Error)]
#[value]
pub enum AccountError {
    #[error("there is not enough money")]
    Overdraft,
    #[error("the account is frozen")]
    Frozen,
}

#[aggregate(id = String)]
pub struct Account {
    pub balance: u64,
    frozen: bool,
}

#[applier]
impl Account {
    fn opened(e: &AccountOpened) -> Self {
        Self { balance: e.balance, frozen: false }
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance -= e.amount;
    }
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance += e.amount;
    }
    fn frozen(&mut self, _: &AccountFrozen) {
        self.frozen = true;
    }
}

#[command_handler]
impl Account {
    fn open(command: OpenAccount) -> AccountOpened {
        AccountOpened { balance: command.balance }
    }
    fn withdraw(&self, command: Withdraw) -> Result<MoneyWithdrawn, AccountError> {
        let Withdraw { amount, transfer, .. } = command;
        if amount > self.balance {
            return Err(AccountError::Overdraft);
        }
        Ok(MoneyWithdrawn { amount, transfer })
    }
    fn deposit(&self, command: Deposit) -> Result<MoneyDeposited, AccountError> {
        let Deposit { amount, transfer, .. } = command;
        if self.frozen { Err(AccountError::Frozen) } else { Ok(MoneyDeposited { amount, transfer }) }
    }
    fn freeze(&self, _: Freeze) -> Option<AccountFrozen> {
        (!self.frozen).then_some(AccountFrozen)
    }
}

#[event]
pub struct TransferStarted {
    pub from: String,
    pub to: String,
    pub amount: u64,
}

#[command(Transfer)]
pub struct StartTransfer {
    #[id]
    pub transfer: u32,
    pub from: String,
    pub to: String,
    pub amount: u64,
}

#[aggregate(id = u32)]
pub struct Transfer {}

#[applier]
impl Transfer {
    fn started(_: &TransferStarted) -> Self {
        Self {}
    }
}

#[command_handler]
impl Transfer {
    fn start(command: StartTransfer) -> TransferStarted {
        let StartTransfer { from, to, amount, .. } = command;
        TransferStarted { from, to, amount }
    }
}

/// What each account holds.
#[projection(key = String)]
pub struct Balances {
    pub balance: u64,
}
#[projection]
impl Balances {
    fn opened(&mut self, e: &AccountOpened) {
        self.balance = e.balance;
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance -= e.amount;
    }
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance += e.amount;
    }
}

pub fn open(account: &str, balance: u64) -> OpenAccount {
    OpenAccount { account: account.into(), balance }
}

pub fn transfer(transfer: u32, from: &str, to: &str, amount: u64) -> StartTransfer {
    StartTransfer { transfer, from: from.into(), to: to.into(), amount }
}

pub async fn balance(app: &App, account: &str) -> u64 {
    let account = app.load::<Account>(&account.to_owned()).await.expect("a readable stream");
    account.map_or(0, |account| account.balance)
}
