//! What the attributes generate, written by hand.
#![allow(missing_docs)]
use es_core::__private as p;
use es_core::*;
use es_core::jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, p::serde::Serialize, p::serde::Deserialize)]
#[serde(crate = "es_core::__private::serde")]
pub struct Opened { pub owner: String }
#[derive(Clone, Debug, PartialEq, p::serde::Serialize, p::serde::Deserialize)]
#[serde(crate = "es_core::__private::serde")]
pub struct Deposited { pub amount: u64 }
#[derive(Clone, Debug, PartialEq, p::serde::Serialize, p::serde::Deserialize)]
#[serde(crate = "es_core::__private::serde")]
pub struct Closed;

impl Event for Opened {
    const NAME: &'static str = "Opened";
    const VERSION: u16 = 1;
    const ALIASES: &'static [&'static str] = &[];
    const FIELDS: &'static [Field] = &[Field { name: "owner", ty: "String" }];
    type Older = p::Oldest;
}
impl Raisable for Opened {}
p::inventory::submit! { p::EventRecord::of::<Opened>("by_hand::Opened", false) }
impl Event for Deposited {
    const NAME: &'static str = "Deposited";
    const VERSION: u16 = 1;
    const ALIASES: &'static [&'static str] = &[];
    const FIELDS: &'static [Field] = &[Field { name: "amount", ty: "u64" }];
    type Older = p::Oldest;
}
impl Raisable for Deposited {}
impl Event for Closed {
    const NAME: &'static str = "Closed";
    const VERSION: u16 = 1;
    const ALIASES: &'static [&'static str] = &[];
    const FIELDS: &'static [Field] = &[];
    type Older = p::Oldest;
}
impl Raisable for Closed {}

#[derive(Clone, Debug, PartialEq)]
pub struct Account { owner: String, balance: u64, at: Timestamp }

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type Id = String;
    type Start = p::FromBirth;
    const SNAPSHOT: Option<p::Snapshots<Self>> = None;
}
impl p::Born for Account {}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError { #[error("no")] No }

impl Account {
    fn opened(e: &Opened, env: &Envelope) -> Self { Account { owner: e.owner.clone(), balance: 0, at: env.recorded_at } }
    fn deposited(&mut self, e: &Deposited) { self.balance += e.amount; }
    fn closed(self, _: &Closed) {}
    fn fine(&self) -> Result<(), AccountError> { if self.balance > 100 { Err(AccountError::No) } else { Ok(()) } }
}

pub enum AccountEvent { Opened(Opened), Deposited(Deposited), Closed(Closed), Retired(RetiredEvent) }

p::event_enum! {
    AccountEvent { Opened(Opened) Birth, Deposited(Deposited) Life, Closed(Closed) End, }
    where { Opened, Deposited, Closed, }
}
p::recordable!(Account, AccountEvent);
p::recordable!(Account, AccountEvent, Opened, Opened);
p::recordable!(Account, AccountEvent, Deposited, Deposited);
p::recordable!(Account, AccountEvent, Closed, Closed);

impl Applier for Account {
    type Event = AccountEvent;
    type Violation = p::Checked<AccountError>;
    const READS_ENVELOPE: bool = true;
    fn apply(life: &mut Life<Self>, event: &AccountEvent, env: &Envelope) -> Result<(), p::Disorder> {
        match event {
            AccountEvent::Opened(e) => life.birth(|| Self::opened(e, env)),
            AccountEvent::Deposited(e) => life.change(|state| Self::deposited(state, e)),
            AccountEvent::Closed(e) => life.end(|state| Self::closed(state, e)),
            AccountEvent::Retired(_) => Ok(()),
        }
    }
    fn check(&self) -> Result<(), Self::Violation> {
        self.fine().map_err(p::Checked)?;
        Ok(())
    }
}
p::inventory::submit! { p::AggregateRecord::of::<Account>("by_hand::Account") }

#[derive(Clone, Debug, PartialEq, p::serde::Serialize, p::serde::Deserialize)]
#[serde(crate = "es_core::__private::serde")]
pub struct Deposit { pub account: String, pub amount: u64 }
impl Command for Deposit {
    type Aggregate = Account;
    const NAME: &'static str = "Deposit";
    const FIELDS: &'static [Field] = &[];
    fn id(&self) -> &String { &self.account }
}
impl Account {
    fn validate_deposit(c: &Deposit) -> Result<(), AccountError> { if c.amount == 0 { Err(AccountError::No) } else { Ok(()) } }
    fn deposit(&self, command: Deposit, cx: &Context<Self>) -> Result<Reply<(Option<Deposited>, [Deposited; 1]), u64>, AccountError> {
        let _ = cx.draft(None);
        let _ = cx.draft(self);
        let event = Deposited { amount: command.amount };
        Ok(Reply::from_state((None, [event]), |account| account.balance))
    }
}
impl Handle<Deposit> for Account {
    type Needs = p::Living;
    type Outcome = Result<Reply<(Option<Deposited>, [Deposited; 1]), u64>, AccountError>;
    const RETRY: RetryPolicy = RetryPolicy::DEFAULT.max(5);
    const SERVICES: &'static [p::ServiceNeed] = &[];
    fn validate(command: &Deposit) -> Result<(), AccountError> {
        Self::validate_deposit(command)?;
        Ok(())
    }
    fn handle<'a>(state: &'a Self, command: Deposit, context: &'a Context<Self>, _: &'a Services) -> impl Future<Output = Self::Outcome> + Send + 'a {
        std::future::ready(Self::deposit(state, command, context))
    }
}
p::inventory::submit! { p::Registered::<Account, Deposit>::RECORD.at("by_hand::Deposit") }

fn given<A: Applier>(events: impl IntoEvents<A>) -> Given<A> {
    let mut out = Vec::new();
    events.into_events(&mut out);
    Given(out)
}
struct Given<A: Applier>(Vec<A::Event>);
impl<A: Applier> Given<A> {
    fn when<C: Command<Aggregate = A>>(self, _: C) -> usize where A: Handle<C> { self.0.len() }
}

#[test]
fn inference_holds() {
    let n = given((Opened { owner: "a".into() }, vec![Deposited { amount: 1 }])).when(Deposit { account: "a".into(), amount: 2 });
    assert_eq!(n, 2);
}
