//! The account that every benchmark is about, declared and written by hand.
#![allow(dead_code, missing_docs, reason = "each benchmark uses its part")]

pub mod by_hand;

use es_core::prelude::*;
use es_core::store::{Commit, EventStore, Expected, NewEvent};

#[event]
pub struct AccountOpened {
    pub owner: String,
}
#[event]
pub struct MoneyDeposited {
    pub amount: u64,
    pub reference: String,
}
#[event]
pub struct MoneyWithdrawn {
    pub amount: u64,
}

#[command(Account)]
pub struct OpenAccount {
    #[id]
    pub account: Uuid,
    pub owner: String,
}
#[command(Account)]
pub struct Deposit {
    #[id]
    pub account: Uuid,
    pub amount: u64,
}

#[aggregate(id = Uuid)]
pub struct Account {
    pub owner: String,
    pub balance: u64,
}

#[applier]
impl Account {
    fn opened(e: &AccountOpened) -> Self {
        Self { owner: e.owner.clone(), balance: 0 }
    }
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance += e.amount;
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance -= e.amount;
    }
}

#[command_handler]
impl Account {
    fn open(command: OpenAccount) -> AccountOpened {
        AccountOpened { owner: command.owner }
    }
    fn deposit(&self, command: Deposit) -> MoneyDeposited {
        MoneyDeposited { amount: command.amount, reference: "salary".to_owned() }
    }
}

/// The events of a stream: a birth, then deposits and withdrawals in turn.
pub fn history(length: u64) -> Vec<AccountEvent> {
    let opened = AccountEvent::AccountOpened(AccountOpened { owner: "Ann".to_owned() });
    let others = (1..length).map(|n| {
        if n % 3 == 0 {
            AccountEvent::MoneyWithdrawn(MoneyWithdrawn { amount: n })
        } else {
            AccountEvent::MoneyDeposited(MoneyDeposited { amount: n, reference: format!("invoice {n}") })
        }
    });
    std::iter::once(opened).chain(others).collect()
}

/// Stores a history of this length as the stream of `account`.
pub async fn store_history(store: &impl EventStore, account: &Uuid, length: u64) {
    let stream = Account::stream(account);
    for events in history(length).chunks(500) {
        let events = events.iter().map(|event| NewEvent {
            id: Uuid::now_v7(),
            name: event.name().into(),
            schema: event.version(),
            recorded_at: Timestamp::UNIX_EPOCH,
            payload: event.encode().unwrap().into(),
            metadata: br#"{"command":"Import"}"#[..].into(),
        });
        store.append(Commit::one(stream.clone(), Expected::Any, events.collect())).await.unwrap();
    }
}
