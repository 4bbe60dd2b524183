//! The model that the examples in es-testing's documentation play with.
#![allow(missing_docs, reason = "the examples say what it is for")]
use es_core::AppBuilder;
use es_core::prelude::*;

#[event]
pub struct AccountOpened {}
#[event]
pub struct MoneyDeposited {
    pub amount: u64,
}
#[event(name = "account.withdrawn", version = 2, from = MoneyWithdrawnV1)]
pub struct MoneyWithdrawn {
    pub amount: u64,
}
#[event(name = "account.withdrawn", version = 1)]
pub struct MoneyWithdrawnV1 {
    pub cents: u64,
}
impl From<MoneyWithdrawnV1> for MoneyWithdrawn {
    fn from(old: MoneyWithdrawnV1) -> Self {
        MoneyWithdrawn { amount: old.cents / 100 }
    }
}
#[event]
pub struct AccountClosed;

macro_rules! commands {
    ($($name:ident { $($field:ident),* })*) => { $(
        #[command(Account)]
        pub struct $name {
            #[id]
            pub account: u32,
            $(pub $field: u64),*
        }
    )* };
}
commands! {
    OpenAccount {}
    Deposit { amount }
    Withdraw { amount }
    ForceWithdraw { amount }
    CashOut { amount }
    CloseAccount {}
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError {
    #[error("only {available} available")]
    Overdraft { available: u64 },
    #[error("overdrawn")]
    Overdrawn,
}

pub trait Atm: Send + Sync {
    fn pay_out(&self, amount: u64);
}
pub struct FakeAtm;
impl Atm for FakeAtm {
    fn pay_out(&self, _: u64) {}
}

#[aggregate(id = u32)]
pub struct Account {
    pub balance: i64,
    pub opened_by: Option<String>,
    pub opened_at: Timestamp,
    pub channel: Option<String>,
}

#[applier]
impl Account {
    fn opened(_: &AccountOpened, env: &Envelope) -> Self {
        let (opened_by, channel) = (env.metadata.actor.clone(), env.metadata.get("channel"));
        Account { balance: 0, opened_by, opened_at: env.recorded_at, channel }
    }
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance = self.balance.saturating_add_unsigned(e.amount);
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance = self.balance.saturating_sub_unsigned(e.amount);
    }
    fn closed(self, _: &AccountClosed) {}

    #[invariant]
    fn never_negative(&self) -> Result<(), AccountError> {
        if self.balance < 0 { Err(AccountError::Overdrawn) } else { Ok(()) }
    }
}

#[command_handler]
impl Account {
    fn open(_: OpenAccount) -> AccountOpened {
        AccountOpened {}
    }
    fn deposit(&self, command: Deposit) -> Option<MoneyDeposited> {
        (command.amount > 0).then_some(MoneyDeposited { amount: command.amount })
    }
    fn withdraw(&self, command: Withdraw) -> Result<Reply<MoneyWithdrawn, i64>, AccountError> {
        let available = u64::try_from(self.balance).unwrap_or(0);
        if command.amount > available {
            return Err(AccountError::Overdraft { available });
        }
        let event = MoneyWithdrawn { amount: command.amount };
        Ok(Reply::from_state(event, |account: &Account| account.balance))
    }
    #[retry(max = 0)]
    fn force_withdraw(&self, command: ForceWithdraw) -> Result<MoneyWithdrawn, AccountError> {
        Ok(MoneyWithdrawn { amount: command.amount })
    }
    #[retry(max = 0)]
    fn cash_out(&self, command: CashOut, atm: &dyn Atm) -> MoneyWithdrawn {
        atm.pay_out(command.amount);
        MoneyWithdrawn { amount: command.amount }
    }
    fn close(&self, _: CloseAccount) -> AccountClosed {
        AccountClosed
    }
}

#[command(Account)]
pub struct ChargeFee {
    #[id]
    pub account: u32,
}

#[command_handler]
impl Account {
    fn charge_fee(&self, _: ChargeFee) -> MoneyWithdrawn {
        MoneyWithdrawn { amount: 1 }
    }
}

/// Charges a fee for every second withdrawal, and closes an account that is empty for thirty days.
#[reactor(key = u32)]
pub struct Fees {
    pub withdrawals: u32,
}

#[reactor]
impl Fees {
    fn deposited(&mut self, _: &MoneyDeposited) -> CancelTimer {
        CancelTimer("idle")
    }
    fn withdrawn(&mut self, _: &MoneyWithdrawn, account: &u32) -> (Option<ChargeFee>, Timer<CloseAccount>) {
        self.withdrawals += 1;
        let fee = self.withdrawals.is_multiple_of(2).then_some(ChargeFee { account: *account });
        let close = Timer::after(IDLE, CloseAccount { account: *account });
        (fee, close.named("idle"))
    }
    fn not_charged(&mut self, refused: &Refused<ChargeFee>) -> CloseAccount {
        CloseAccount { account: refused.command.account }
    }
    fn closed(self, _: &AccountClosed) {}
}
pub const IDLE: std::time::Duration = std::time::Duration::from_hours(30 * 24);

pub trait Mailer: Send + Sync {
    fn send(&self, letter: &str) -> Result<(), MailError>;
}
#[derive(Debug, thiserror::Error)]
#[error("no mail today")]
pub struct MailError;

pub struct FakeMailer;
impl Mailer for FakeMailer {
    fn send(&self, _: &str) -> Result<(), MailError> {
        Ok(())
    }
}
pub struct BrokenMailer;
impl Mailer for BrokenMailer {
    fn send(&self, _: &str) -> Result<(), MailError> {
        Err(MailError)
    }
}

/// Writes to everybody who opens an account.
#[reactor(retry(max = 3))]
pub struct Welcome;

#[reactor]
impl Welcome {
    fn opened(&self, _: &AccountOpened, account: &u32, mailer: &dyn Mailer) -> Result<(), MailError> {
        mailer.send(&format!("Welcome, {account}"))
    }
}

/// What was paid in and out of each account.
#[projection(key = u32)]
pub struct Turnover {
    pub paid_in: u64,
    pub paid_out: u64,
}

#[projection]
impl Turnover {
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.paid_in += e.amount;
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.paid_out += e.amount;
    }
    fn closed(self, _: &AccountClosed) {}
}

/// What is on each account, in rows.
#[projection]
pub struct Balances;

#[projection]
impl Balances {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        let balances = tx.table("balances");
        tx.execute_batch(&format!("CREATE TABLE {balances} (account INTEGER PRIMARY KEY, cents INTEGER)"))
    }
    fn opened(&self, _: &AccountOpened, account: &u32, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("INSERT INTO {} VALUES (?1, 0)", tx.table("balances"));
        tx.execute(&sql, [account]).map(drop)
    }
    fn deposited(&self, e: &MoneyDeposited, account: &u32, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("UPDATE {} SET cents = cents + ?2 WHERE account = ?1", tx.table("balances"));
        tx.execute(&sql, (account, e.amount.cast_signed())).map(drop)
    }
    fn withdrawn(&self, e: &MoneyWithdrawn, account: &u32, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("UPDATE {} SET cents = cents - ?2 WHERE account = ?1", tx.table("balances"));
        tx.execute(&sql, (account, e.amount.cast_signed())).map(drop)
    }
    fn closed(&self, _: &AccountClosed, account: &u32, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("DELETE FROM {} WHERE account = ?1", tx.table("balances"));
        tx.execute(&sql, [account]).map(drop)
    }
}

/// What runs in the bank, over any store.
pub fn bank<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
    app.aggregate::<Account>()
        .reactor::<Fees>()
        .projection::<Turnover>()
        .service::<dyn Atm>(std::sync::Arc::new(FakeAtm))
}
