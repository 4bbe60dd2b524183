//! The accounts on their file: opened, looked up, listed.

use crate::account::{Account, AccountEvent, AccountId, AccountOpened, Money};
use crate::error::BankError;
use crate::refused::RefusedLine;
use es_core::prelude::*;
use es_core::store::{Filter, SqliteStore};
use std::path::Path;

/// How many openings are read at once.
const PAGE: u32 = 1_000;

/// The accounts, and the lines that were refused, on one file. Clones are the same ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: SqliteStore,
    accounts: App,
    /// An app of its own: no statement can give its commands.
    refusals: App,
}

/// An account as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// Its name.
    pub account: AccountId,
    /// Who owns it.
    pub owner: String,
    /// What is on it.
    pub balance: Money,
    /// How many events it has.
    pub version: u64,
    /// Since when it is there.
    pub opened_at: Timestamp,
    /// Since when it is not there any more.
    pub closed_at: Option<Timestamp>,
}

impl Ledger {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// [`BankError::Open`] if the file cannot be used.
    pub async fn open(path: &Path) -> Result<Self, BankError> {
        let store = SqliteStore::open(path)
            .await
            .map_err(|source| BankError::Open { path: path.to_owned(), source })?;
        let accounts = App::builder(store.clone()).aggregate::<Account>().build().await?;
        let refusals = App::builder(store.clone()).aggregate::<RefusedLine>().build().await?;
        Ok(Self { store, accounts, refusals })
    }

    /// Opens a file that is there: whoever only looks must not make one.
    ///
    /// # Errors
    /// [`BankError::NoDatabase`] if it is not there, [`BankError::Open`] if it cannot be used.
    pub async fn open_existing(path: &Path) -> Result<Self, BankError> {
        if path.exists() {
            Self::open(path).await
        } else {
            Err(BankError::NoDatabase { path: path.to_owned() })
        }
    }

    /// Ends what was begun and lets the file go.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// The app that runs the accounts.
    pub fn accounts(&self) -> &App {
        &self.accounts
    }

    /// The app that knows what was refused.
    pub fn refusals(&self) -> &App {
        &self.refusals
    }

    /// An account, now or as it was at a time, open or closed; `None` if it was not there yet.
    ///
    /// # Errors
    /// [`BankError::Load`] if the file cannot be read.
    pub async fn find(&self, id: &AccountId, at: Option<Timestamp>) -> Result<Option<Overview>, BankError> {
        let open = match at {
            None => self.accounts.load::<Account>(id).await?,
            Some(at) => self.accounts.load_as_of::<Account>(id, AsOf::Time(at)).await?,
        };
        if let Some(account) = open {
            return Ok(Some(Overview::of(id, &account)));
        }
        // An account that is closed has no state any more; its history has the last one.
        let history = self.history(id).await?;
        let Some(end) = history.iter().rfind(|event| at.is_none_or(|at| event.envelope.recorded_at <= at))
        else {
            return Ok(None);
        };
        let before = AsOf::Version(end.envelope.version - 1);
        let account = self.accounts.load_as_of::<Account>(id, before).await?;
        Ok(account.map(|account| Overview {
            version: end.envelope.version,
            closed_at: Some(end.envelope.recorded_at),
            ..Overview::of(id, &account)
        }))
    }

    /// Everything that happened to an account; nothing if there is no such account.
    ///
    /// # Errors
    /// [`BankError::Load`] if the file cannot be read.
    pub async fn history(&self, id: &AccountId) -> Result<Vec<Recorded<AccountEvent>>, BankError> {
        Ok(self.accounts.history::<Account>(id).await?)
    }

    /// All accounts there are and were, by name.
    ///
    /// # Errors
    /// [`BankError::Load`] or [`BankError::Read`] if the file cannot be read.
    pub async fn list(&self) -> Result<Vec<Overview>, BankError> {
        let openings = Filter {
            categories: vec![Account::NAME.into()],
            names: vec![AccountOpened::NAME.into()],
            ..Filter::default()
        };
        let mut accounts = Vec::new();
        let mut after = Position(0);
        loop {
            let page = self.store.read_log(after, &openings, PAGE).await?;
            for opening in &page.events {
                let Ok(id) = opening.stream.id_text().parse() else { continue };
                accounts.extend(self.find(&id, None).await?);
            }
            if page.scanned_to >= page.head {
                break;
            }
            after = page.scanned_to;
        }
        accounts.sort_by(|a, b| a.account.cmp(&b.account));
        Ok(accounts)
    }
}

impl Overview {
    fn of(id: &AccountId, account: &Loaded<Account>) -> Self {
        Self {
            account: id.clone(),
            owner: account.owner().to_owned(),
            balance: account.balance(),
            version: account.version(),
            opened_at: account.opened_at(),
            closed_at: None,
        }
    }
}
