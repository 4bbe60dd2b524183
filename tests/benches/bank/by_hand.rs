//! What somebody would write without a framework, with the same guarantees.

use super::{AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn};
use es_core::store::StoredEvent;

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub owner: String,
    pub balance: u64,
}

/// The fold as a plain match over a plain option.
pub fn apply(state: &mut Option<Account>, event: &AccountEvent) -> Result<(), &'static str> {
    match (event, state) {
        (AccountEvent::AccountOpened(e), state @ None) => {
            *state = Some(Account { owner: e.owner.clone(), balance: 0 });
        }
        (AccountEvent::MoneyDeposited(e), Some(account)) => account.balance += e.amount,
        (AccountEvent::MoneyWithdrawn(e), Some(account)) => account.balance -= e.amount,
        _ => return Err("out of order"),
    }
    Ok(())
}

pub fn fold(events: &[AccountEvent]) -> Option<Account> {
    let mut state = None;
    for event in events {
        apply(&mut state, event).unwrap();
    }
    state
}

/// Decoding by name and version, then the fold.
pub fn replay(events: &[StoredEvent]) -> Option<Account> {
    let mut state = None;
    for stored in events {
        let bytes = stored.payload.as_deref().unwrap();
        let event = match (&*stored.name, stored.schema) {
            ("AccountOpened", 1) => {
                AccountEvent::AccountOpened(serde_json::from_slice::<AccountOpened>(bytes).unwrap())
            }
            ("MoneyDeposited", 1) => {
                AccountEvent::MoneyDeposited(serde_json::from_slice::<MoneyDeposited>(bytes).unwrap())
            }
            ("MoneyWithdrawn", 1) => {
                AccountEvent::MoneyWithdrawn(serde_json::from_slice::<MoneyWithdrawn>(bytes).unwrap())
            }
            (name, version) => panic!("unknown event {name} {version}"),
        };
        apply(&mut state, &event).unwrap();
    }
    state
}
