//! The model: an account, what can happen to it, and who may make it happen.
//!
//! Read it from top to bottom: values, events, commands, the aggregate, its appliers, its handlers. Nothing in
//! here knows of databases, files or JSON.

use es_core::prelude::*;
use std::fmt;

/// The most that an account holds, in cents; that is ten trillion euros. Far enough below what an `i64` holds
/// that no sum of two of them overflows.
pub const LIMIT: u64 = 1_000_000_000_000_000;

/// The longest name of an account or its owner, in characters.
pub const LONGEST_NAME: usize = 64;

// ------------------------------------------------------------------------------------------------- values

/// The name of an account, as it stands in statements: `"ann"`.
#[aggregate_id]
pub struct AccountId(String);

impl AccountId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The currency of an account, chosen when it is opened.
#[value]
#[derive(Copy, Eq, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro, where nothing else is said.
    #[default]
    Eur,
    /// Swiss franc.
    Chf,
    /// Pound sterling.
    Gbp,
    /// United States dollar.
    Usd,
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eur => "EUR",
            Self::Chf => "CHF",
            Self::Gbp => "GBP",
            Self::Usd => "USD",
        })
    }
}

/// An amount with its currency; shown as `12.50 EUR`.
#[value]
#[derive(Copy, Eq)]
pub struct Money {
    /// How many cents.
    pub cents: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    fn new(cents: u64, currency: Currency) -> Self {
        Self { cents: i64::try_from(cents).unwrap_or(i64::MAX), currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.cents < 0 { "-" } else { "" };
        let cents = self.cents.unsigned_abs();
        write!(f, "{sign}{}.{:02} {}", cents / 100, cents % 100, self.currency)
    }
}

// ------------------------------------------------------------------------------------------------- events

/// Somebody has opened an account.
#[event]
pub struct AccountOpened {
    /// Who owns it.
    pub owner: String,
    /// What it is kept in.
    pub currency: Currency,
}

/// Money came in.
#[event(name = "account.deposited", version = 2, from = MoneyDepositedV1)]
pub struct MoneyDeposited {
    /// How many cents.
    pub amount: u64,
    /// Of which currency.
    pub currency: Currency,
}

/// Money came in, as it was written down while there were only euros.
#[event(name = "account.deposited", version = 1)]
pub struct MoneyDepositedV1 {
    /// How many cents.
    pub amount: u64,
}

/// What was stored by older code is read by its own type and turned into the newest, on every path.
impl From<MoneyDepositedV1> for MoneyDeposited {
    fn from(old: MoneyDepositedV1) -> Self {
        Self { amount: old.amount, currency: Currency::Eur }
    }
}

/// Money went out.
#[event]
pub struct MoneyWithdrawn {
    /// How many cents.
    pub amount: u64,
}

/// The account is no more.
#[event]
pub struct AccountClosed;

// ----------------------------------------------------------------------------------------------- commands

/// Opens an account.
#[command(Account)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// Its name.
    #[id]
    pub account: AccountId,
    /// Who owns it.
    pub owner: String,
    /// What it is kept in; euros where nothing is said.
    #[serde(default)]
    pub currency: Currency,
}

/// Pays money in.
#[command(Account)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// Where to.
    #[id]
    pub account: AccountId,
    /// How many cents.
    pub amount: u64,
    /// Of which currency; euros where nothing is said.
    #[serde(default)]
    pub currency: Currency,
}

/// Pays money out.
#[command(Account)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// Where from.
    #[id]
    pub account: AccountId,
    /// How many cents.
    pub amount: u64,
    /// Of which currency; euros where nothing is said.
    #[serde(default)]
    pub currency: Currency,
}

/// Pays out what is left, and closes the account.
#[command(Account)]
#[serde(deny_unknown_fields)]
pub struct CloseAccount {
    /// Which one.
    #[id]
    pub account: AccountId,
}

/// Why an account says no.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AccountError {
    /// An account or an owner without a proper name.
    #[error("the {what} needs a name of 1 to {LONGEST_NAME} characters, without control characters")]
    BadName {
        /// Whose name it is.
        what: &'static str,
    },
    /// An amount of nothing, or of more than any account holds.
    #[error("an amount is from 1 to {LIMIT} cents, not {amount}")]
    BadAmount {
        /// The amount.
        amount: u64,
    },
    /// Money of another currency than the account's.
    #[error("the account is kept in {account}, not in {given}")]
    WrongCurrency {
        /// The account's.
        account: Currency,
        /// The money's.
        given: Currency,
    },
    /// More was asked for than is there.
    #[error("{requested} were asked for, and {available} are there")]
    Overdraft {
        /// What is there.
        available: Money,
        /// What was asked for.
        requested: Money,
    },
    /// The balance would leave its bounds.
    #[error("the balance would be {balance}, outside of 0 to {}", Money::new(LIMIT, balance.currency))]
    OutOfBounds {
        /// What it would be.
        balance: Money,
    },
}

// ---------------------------------------------------------------------------------------------- aggregate

/// An account: what its events fold to.
#[aggregate(id = AccountId, snapshot(every = 100, version = 1))]
pub struct Account {
    owner: String,
    currency: Currency,
    balance: i64,
    opened_at: Timestamp,
}

impl Account {
    /// Who owns it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// What is on it.
    pub fn balance(&self) -> Money {
        Money { cents: self.balance, currency: self.currency }
    }

    /// Since when it is there.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }
}

#[applier]
impl Account {
    fn opened(e: &AccountOpened, env: &Envelope) -> Self {
        Account { owner: e.owner.clone(), currency: e.currency, balance: 0, opened_at: env.recorded_at }
    }

    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance = self.balance.saturating_add_unsigned(e.amount);
    }

    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance = self.balance.saturating_sub_unsigned(e.amount);
    }

    fn closed(self, _: &AccountClosed) {}

    /// Holds whatever a handler decides, so that a mistake in one of them is not written down.
    #[invariant]
    fn stays_in_bounds(&self) -> Result<(), AccountError> {
        match u64::try_from(self.balance) {
            Ok(0..=LIMIT) => Ok(()),
            _ => Err(AccountError::OutOfBounds { balance: self.balance() }),
        }
    }
}

// ----------------------------------------------------------------------------------------------- handlers

#[command_handler]
impl Account {
    #[validate]
    fn has_names(command: &OpenAccount) -> Result<(), AccountError> {
        check_name("account", command.account.as_str())?;
        check_name("owner", &command.owner)
    }

    fn open(command: OpenAccount) -> AccountOpened {
        AccountOpened { owner: command.owner, currency: command.currency }
    }

    fn close(&self, _: CloseAccount) -> (Option<MoneyWithdrawn>, AccountClosed) {
        let rest = self.balance.unsigned_abs();
        ((rest > 0).then_some(MoneyWithdrawn { amount: rest }), AccountClosed)
    }
}

/// Money in and money out. Both answer with the new balance.
#[command_handler(retry(max = 20, backoff = "1ms..100ms"))]
impl Account {
    #[validate]
    fn deposits_something(command: &Deposit) -> Result<(), AccountError> {
        check_amount(command.amount)
    }

    fn deposit(&self, command: Deposit) -> Result<Reply<MoneyDeposited, Money>, AccountError> {
        self.check_currency(command.currency)?;
        let deposited = MoneyDeposited { amount: command.amount, currency: command.currency };
        Ok(Reply::from_state(deposited, Account::balance))
    }

    #[validate]
    fn withdraws_something(command: &Withdraw) -> Result<(), AccountError> {
        check_amount(command.amount)
    }

    fn withdraw(&self, command: Withdraw) -> Result<Reply<MoneyWithdrawn, Money>, AccountError> {
        self.check_currency(command.currency)?;
        let (available, requested) = (self.balance(), Money::new(command.amount, self.currency));
        if requested.cents > available.cents {
            return Err(AccountError::Overdraft { available, requested });
        }
        Ok(Reply::from_state(MoneyWithdrawn { amount: command.amount }, Account::balance))
    }
}

// Ordinary helpers live in ordinary blocks.

impl Account {
    fn check_currency(&self, given: Currency) -> Result<(), AccountError> {
        let account = self.currency;
        if given == account { Ok(()) } else { Err(AccountError::WrongCurrency { account, given }) }
    }
}

fn check_amount(amount: u64) -> Result<(), AccountError> {
    if (1..=LIMIT).contains(&amount) { Ok(()) } else { Err(AccountError::BadAmount { amount }) }
}

fn check_name(what: &'static str, name: &str) -> Result<(), AccountError> {
    let is_blank = name.trim().is_empty();
    let is_proper = name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if is_proper && !is_blank { Ok(()) } else { Err(AccountError::BadName { what }) }
}
