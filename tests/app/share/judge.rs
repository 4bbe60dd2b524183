//! What commands were told, held against the log.

use crate::bank::{Account, AccountEvent, AccountId, MoneyDeposited, MoneyWithdrawn, stream};
use crate::kit::Place;
use es_core::prelude::*;
use std::collections::{HashMap, HashSet};
use std::slice;

/// What a command was to do.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    Deposit(u64),
    Withdraw(u64),
    FillUp(u64),
    Parts(u64, usize),
    /// A deposit at this version only.
    Expecting(u64, u64),
    /// A deposit that was given twice under one id.
    Twice(u64),
}

/// What it heard.
#[derive(Debug)]
pub enum Heard {
    Done {
        events: Vec<AccountEvent>,
        version: u64,
        position: Position,
        /// On the account behind it, if that was told.
        balance: Option<u64>,
        /// What a withdrawal has left.
        reply: Option<u64>,
        duplicate: bool,
    },
    /// So much was too little.
    Overdraft(u64),
    NotStored,
    /// Nothing that says what became of it.
    Unknown,
}

/// What a command was told about one account. The two halves of a group have one tag.
#[derive(Debug)]
pub struct Told {
    /// Says in the log whose events they are.
    pub tag: String,
    pub account: AccountId,
    pub asked: Asked,
    /// The account's version as it was told to somebody before the command was given.
    pub floor: u64,
    /// Its version once the answer was there.
    pub ceiling: u64,
    pub heard: Heard,
}

/// An account's log.
struct Log {
    events: Vec<AccountEvent>,
    positions: Vec<Position>,
    /// The versions of each tag's events.
    runs: HashMap<String, Vec<u64>>,
    /// What is on the account behind each version, from 0.
    balances: Vec<u64>,
}

impl Log {
    async fn of(app: &App, place: &Place, account: &AccountId) -> Self {
        let history = app.history::<Account>(account).await.unwrap();
        let stored = place.stored(&stream(account)).await;
        let mut runs: HashMap<_, Vec<_>> = HashMap::new();
        let mut balances = vec![0];
        for (recorded, version) in history.iter().zip(1..) {
            assert_eq!(recorded.envelope.version, version);
            let tag = recorded.envelope.metadata.actor.clone().unwrap_or_default();
            runs.entry(tag).or_default().push(version);
            let before = balances[balances.len() - 1];
            balances.push(match &recorded.data {
                AccountEvent::MoneyDeposited(MoneyDeposited { amount }) => before + amount,
                AccountEvent::MoneyWithdrawn(MoneyWithdrawn { amount }) => {
                    before.checked_sub(*amount).expect("nobody takes what is not there")
                }
                _ => before,
            });
        }
        let positions = stored.iter().map(|event| event.position).collect();
        Self {
            events: history.into_iter().map(|recorded| recorded.data).collect(),
            positions,
            runs,
            balances,
        }
    }

    fn run(&self, tag: &str) -> &[u64] {
        self.runs.get(tag).map_or(&[], Vec::as_slice)
    }

    fn balance(&self, version: u64) -> u64 {
        self.balances[usize::try_from(version).unwrap()]
    }
}

/// How many commands were carried out, were refused, and did not hear what became of them.
pub async fn judged(app: &App, place: &Place, told: &[Told]) -> [usize; 3] {
    let mut logs = HashMap::new();
    let mut tags: HashSet<&str> = ["", "last"].into();
    let mut stored: HashMap<&str, bool> = HashMap::new();
    let mut figures = [0; 3];
    for told in told {
        let stream = stream(&told.account);
        if !logs.contains_key(&stream) {
            logs.insert(stream.clone(), Log::of(app, place, &told.account).await);
        }
        let log = &logs[&stream];
        tags.insert(&told.tag);
        let is_stored = !log.run(&told.tag).is_empty();
        assert_eq!(*stored.entry(&told.tag).or_insert(is_stored), is_stored, "half a group: {told:?}");
        figures[told.judge(log)] += 1;
    }
    for tag in logs.values().flat_map(|log: &Log| log.runs.keys()) {
        assert!(tags.contains(tag.as_str()), "nobody has given {tag}");
    }
    figures
}

impl Told {
    /// Which figure it counts for.
    fn judge(&self, log: &Log) -> usize {
        let run = log.run(&self.tag);
        assert!(run.windows(2).all(|pair| pair[1] == pair[0] + 1), "scattered over {run:?}: {self:?}");
        if !run.is_empty() {
            self.decided_rightly(log, run);
        }
        match &self.heard {
            Heard::Done { version, .. } => {
                assert!((self.floor..=self.ceiling).contains(version), "not between: {self:?}");
                self.done_rightly(log, run);
                0
            }
            Heard::Overdraft(available) => {
                let Asked::Withdraw(amount) = self.asked else { panic!("{self:?}") };
                let mut seen = self.floor..=self.ceiling;
                assert!(run.is_empty() && *available < amount, "{self:?}");
                assert!(seen.any(|version| log.balance(version) == *available), "nobody saw that: {self:?}");
                1
            }
            Heard::NotStored => {
                // The other one with its id may have been.
                assert!(run.is_empty() || matches!(self.asked, Asked::Twice(_)), "{self:?}");
                1
            }
            Heard::Unknown => 2,
        }
    }

    /// Whether what is stored was decided on the state in front of which it stands.
    fn decided_rightly(&self, log: &Log, run: &[u64]) {
        let before = log.balance(run[0] - 1);
        let deposited = |amount| AccountEvent::MoneyDeposited(MoneyDeposited { amount });
        let expected = match self.asked {
            Asked::Deposit(amount) | Asked::Twice(amount) => vec![deposited(amount)],
            Asked::Withdraw(amount) => vec![AccountEvent::MoneyWithdrawn(MoneyWithdrawn { amount })],
            Asked::FillUp(level) => vec![deposited(level.saturating_sub(before))],
            Asked::Parts(amount, parts) => vec![deposited(amount); parts],
            Asked::Expecting(amount, version) => {
                assert_eq!(run[0], version + 1, "{self:?}");
                vec![deposited(amount)]
            }
        };
        let at = usize::try_from(run[0]).unwrap() - 1;
        assert_eq!(log.events[at..at + run.len()], expected, "in front of {before}: {self:?}");
    }

    fn done_rightly(&self, log: &Log, run: &[u64]) {
        let Heard::Done { events, version, position, balance, reply, duplicate } = &self.heard else {
            return;
        };
        let at = usize::try_from(*version).unwrap();
        assert_eq!(log.positions[at - 1], *position, "{self:?}");
        assert_eq!(events.len(), run.len(), "{self:?}");
        assert_eq!(log.events[at - run.len()..at], *events, "{self:?}");
        assert!(run.last().is_none_or(|last| last == version), "it is {run:?}: {self:?}");
        assert!(balance.is_some() != *duplicate, "{self:?}");
        for left in balance.iter().chain(reply).chain(slice::from_ref(&log.balances[at])) {
            assert_eq!(*left, log.balances[at], "{self:?}");
        }
        if run.is_empty() {
            assert!(matches!(self.asked, Asked::FillUp(level) if level <= log.balances[at]), "{self:?}");
        }
    }
}
