//! The language, declared by its attributes, down to the traits that the app calls.
#![allow(missing_docs)]
use es_core::__private as p;
use es_core::prelude::*;

#[aggregate_id]
pub struct AccountId(String);

#[event]
pub struct AccountOpened {
    pub owner: String,
}
#[event]
pub struct MoneyDeposited {
    pub amount: u64,
}
#[event(name = "account.withdrawn")]
pub struct MoneyWithdrawn {
    pub amount: u64,
}
#[event]
pub struct AccountClosed;

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
#[command(Account)]
pub struct ForceWithdraw {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}
#[command(Account)]
pub struct CloseAccount {
    #[id]
    pub account: AccountId,
}
#[command(Account)]
pub struct DepositInParts {
    #[id]
    pub account: AccountId,
    pub amount: u64,
    pub parts: u32,
    pub limit: u64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError {
    #[error("funds not available: {available} of {requested}")]
    Overdraft { available: u64, requested: u64 },
    #[error("balance would be negative")]
    Negative,
}

#[aggregate(id = AccountId)]
pub struct Account {
    owner: String,
    balance: i64,
    opened_at: Timestamp,
}

impl Account {
    fn available(&self) -> u64 {
        u64::try_from(self.balance).unwrap_or(0)
    }
}

#[applier]
impl Account {
    fn opened(e: &AccountOpened, env: &Envelope) -> Self {
        Account { owner: e.owner.clone(), balance: 0, opened_at: env.recorded_at }
    }
    fn deposited(&mut self, e: &MoneyDeposited) {
        self.balance += e.amount.cast_signed();
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.balance -= e.amount.cast_signed();
    }
    fn closed(self, _: &AccountClosed) {}

    #[invariant]
    fn never_negative(&self) -> Result<(), AccountError> {
        if self.balance < 0 { Err(AccountError::Negative) } else { Ok(()) }
    }
}

#[command_handler]
impl Account {
    #[validate]
    fn not_nothing(command: &Withdraw) -> Result<(), AccountError> {
        if command.amount == 0 { Err(AccountError::Negative) } else { Ok(()) }
    }
    fn open(command: OpenAccount) -> AccountOpened {
        AccountOpened { owner: command.owner }
    }
    fn deposit(&self, command: Deposit) -> Option<MoneyDeposited> {
        (command.amount > 0).then_some(MoneyDeposited { amount: command.amount })
    }
    fn withdraw(&self, command: Withdraw) -> Result<Reply<MoneyWithdrawn, i64>, AccountError> {
        if command.amount > self.available() {
            return Err(AccountError::Overdraft { available: self.available(), requested: command.amount });
        }
        Ok(Reply::from_state(MoneyWithdrawn { amount: command.amount }, |account: &Account| account.balance))
    }
    fn force_withdraw(&self, command: ForceWithdraw) -> Result<MoneyWithdrawn, AccountError> {
        Ok(MoneyWithdrawn { amount: command.amount })
    }
    fn close(&self, _command: CloseAccount) -> (Option<MoneyWithdrawn>, AccountClosed) {
        let rest = (self.balance > 0).then_some(MoneyWithdrawn { amount: self.available() });
        (rest, AccountClosed)
    }
    fn deposit_in_parts(&self, command: DepositInParts, cx: &Context<Self>) -> Draft<Self> {
        let mut draft = cx.draft(self);
        for _ in 0..command.parts {
            if draft.state().available() >= command.limit {
                break;
            }
            draft.raise(MoneyDeposited { amount: command.amount });
        }
        draft
    }
}

/// What the attributes say where a type may be absent, a service is called, a history has old events.
mod shop {
    use super::p;
    use es_core::prelude::*;

    #[event]
    pub struct Bought {
        pub pieces: u32,
    }
    #[event(retired)]
    pub struct Wrapped;
    #[command(Cart)]
    pub struct Buy {
        #[id]
        pub cart: String,
    }
    #[command(Cart)]
    pub struct Pay {
        #[id]
        pub cart: String,
    }
    #[command(Cart)]
    pub struct Weigh {
        #[id]
        pub cart: String,
    }

    pub trait Till: Send + Sync {
        fn pieces(&self) -> u32;
    }
    pub struct Scales;

    #[aggregate(id = String, default)]
    #[derive(Default)]
    pub struct Cart {
        pub pieces: u32,
    }

    #[applier(enum = CartChange)]
    impl Cart {
        fn bought(&mut self, e: &Bought) {
            self.pieces += e.pieces;
        }
        fn wrapped(&mut self, _: &Wrapped) {}
        #[cfg(any())]
        fn gone(&mut self, _: &Gone) {}
    }

    #[command_handler(retry(max = 5, backoff = "5ms..2s"))]
    impl Cart {
        fn buy(state: Option<&Self>, _: Buy) -> Vec<CartChange> {
            vec![CartChange::Bought(Bought { pieces: state.map_or(0, |cart| cart.pieces) })]
        }
        #[retry(max = 0)]
        async fn pay(&self, _: Pay, till: &dyn Till, _cx: &Context<Self>) -> Bought {
            std::future::ready(()).await;
            Bought { pieces: till.pieces() }
        }
        fn weigh(&self, _: Weigh, _: &Scales) {}
        #[cfg(any())]
        fn leave(&self, _: Leave) {}
    }

    #[test]
    fn what_is_said_is_registered() {
        let policy = RetryPolicy::DEFAULT
            .max(5)
            .backoff(std::time::Duration::from_millis(5), std::time::Duration::from_secs(2));
        assert_eq!(<Cart as Handle<Weigh>>::RETRY, policy);
        assert_eq!(<Cart as Handle<Pay>>::RETRY, policy.max(0));
        let blocks = || p::inventory::iter::<p::HandlerBlock>().flat_map(|block| block.handlers);
        let handlers = || blocks().filter(|handler| handler.aggregate == "cart");
        let mut said: Vec<_> =
            handlers().map(|handler| (handler.command, handler.needs, handler.path)).collect();
        said.sort_unstable();
        assert_eq!(
            said,
            [
                ("Buy", "either", "declared::shop::Buy"),
                ("Pay", "living", "declared::shop::Pay"),
                ("Weigh", "living", "declared::shop::Weigh"),
            ]
        );
        let raised = |command: &str| {
            let mut names = Vec::new();
            handlers()
                .filter(|handler| handler.command == command)
                .for_each(|handler| (handler.raises)(&mut names));
            names
        };
        assert_eq!(raised("Buy"), ["Bought", "Wrapped"]);
        assert_eq!(raised("Pay"), ["Bought"]);
        assert!(raised("Weigh").is_empty());
    }

    #[test]
    fn appliers_are_registered_in_written_order() {
        let cart = p::inventory::iter::<p::AggregateRecord>().find(|record| record.name == "cart").unwrap();
        let roles: Vec<_> = cart.appliers.iter().map(|applier| (applier.event.name, applier.role)).collect();
        assert_eq!(roles, [("Bought", p::Role::Life), ("Wrapped", p::Role::Life)]);
        assert_eq!(cart.path, "declared::shop::Cart");
    }
}

fn ann() -> AccountId {
    AccountId("ann".into())
}

fn envelope(version: u64) -> Envelope {
    Envelope {
        id: Uuid::nil(),
        stream: Account::stream(&ann()),
        version,
        recorded_at: Timestamp::UNIX_EPOCH,
        metadata: std::sync::Arc::default(),
    }
}

fn folded(events: impl IntoEvents<Account>) -> Result<p::Life<Account>, p::Disorder> {
    let mut life = p::Life::Unborn;
    let mut raised = Vec::new();
    events.into_events(&mut raised);
    for (event, version) in raised.iter().zip(1..) {
        Account::apply(&mut life, event, &envelope(version))?;
    }
    Ok(life)
}

fn opened() -> AccountOpened {
    AccountOpened { owner: "Ann".into() }
}

#[test]
fn appliers_fold_in_the_order_of_a_life() {
    let life = folded((opened(), MoneyDeposited { amount: 50 }, MoneyWithdrawn { amount: 20 })).unwrap();
    let account = Account { owner: "Ann".into(), balance: 30, opened_at: Timestamp::UNIX_EPOCH };
    assert_eq!(life, p::Life::Living(account.clone()));
    let life = folded((opened(), MoneyDeposited { amount: 30 }, AccountClosed)).unwrap();
    assert_eq!(life, p::Life::Ended(account));
    assert!(folded(MoneyDeposited { amount: 1 }).is_err());
    assert!(folded((opened(), opened())).is_err());
    assert!(folded((opened(), AccountClosed, MoneyDeposited { amount: 1 })).is_err());
}

#[test]
fn invariants_look_at_the_new_state() {
    let checked = |life: p::Life<Account>| life.living().unwrap().check().map_err(|p::Checked(error)| error);
    assert_eq!(checked(folded(opened()).unwrap()), Ok(()));
    let overdrawn = folded((opened(), MoneyWithdrawn { amount: 1 })).unwrap();
    assert_eq!(checked(overdrawn), Err(AccountError::Negative));
}

#[test]
fn the_enum_reads_what_it_writes() {
    let event = AccountEvent::MoneyWithdrawn(MoneyWithdrawn { amount: 7 });
    assert_eq!((event.name(), event.version()), ("account.withdrawn", 1));
    let bytes = event.encode().unwrap();
    assert_eq!(bytes, br#"{"amount":7}"#);
    let read = |name, schema| AccountEvent::decode(p::Payload { name, schema, bytes: &bytes });
    assert_eq!(read("account.withdrawn", 1).unwrap(), event);
    assert!(matches!(read("account.withdrawn", 2), Err(p::PayloadError::Newer { known: 1 })));
    assert!(matches!(read("account.vanished", 1), Err(p::PayloadError::Unknown)));
    assert_eq!(format!("{event:?}"), "MoneyWithdrawn(MoneyWithdrawn { amount: 7 })");
}

#[test]
fn a_validation_refuses_before_anything_is_read() {
    let validate = <Account as Handle<Withdraw>>::validate;
    assert_eq!(validate(&Withdraw { account: ann(), amount: 1 }), Ok(()));
    assert_eq!(validate(&Withdraw { account: ann(), amount: 0 }), Err(AccountError::Negative));
}

fn settle<O: p::Outcome<Account, Reply = ()>>(outcome: O) -> Result<impl std::fmt::Debug, O::Error> {
    <O::Shape as p::Settle<Account, O>>::settle(outcome)
}

#[test]
fn a_decision_settles_as_events_or_as_an_error() {
    let withdrawn = Ok::<_, AccountError>(MoneyWithdrawn { amount: 1 });
    let decision = settle(withdrawn).unwrap();
    assert!(format!("{decision:?}").contains("MoneyWithdrawn"));
    let refused = Err::<MoneyWithdrawn, _>(AccountError::Negative);
    assert_eq!(settle(refused).unwrap_err(), AccountError::Negative);
}
