//! What the attributes generate, written by hand.
#![allow(missing_docs)]
use es_core::__private as p;
use es_core::jiff::Timestamp;
use es_core::*;

#[derive(Clone, Debug, PartialEq, p::serde::Serialize, p::serde::Deserialize)]
#[serde(crate = "es_core::__private::serde")]
pub struct Opened {
    pub owner: String,
}
#[derive(Clone, Debug, PartialEq, p::serde::Serialize, p::serde::Deserialize)]
#[serde(crate = "es_core::__private::serde")]
pub struct Deposited {
    pub amount: u64,
}
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
pub struct Account {
    owner: String,
    balance: u64,
    at: Timestamp,
}

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type Id = String;
    type Start = p::FromBirth;
    const SNAPSHOT: Option<p::Snapshots<Self>> = None;
}
impl p::Born for Account {}
impl p::CanBegin for Account {}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError {
    #[error("no")]
    No,
}

impl Account {
    fn opened(e: &Opened, env: &Envelope) -> Self {
        Account { owner: e.owner.clone(), balance: 0, at: env.recorded_at }
    }
    fn deposited(&mut self, e: &Deposited) {
        self.balance += e.amount;
    }
    fn closed(self, _: &Closed) {}
    fn fine(&self) -> Result<(), AccountError> {
        if self.balance > 100 { Err(AccountError::No) } else { Ok(()) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum AccountEvent {
    Opened(Opened),
    Deposited(Deposited),
    Closed(Closed),
    Retired(RetiredEvent),
}

impl EventEnum for AccountEvent {
    const EVENTS: &'static [EventInfo] =
        &[EventInfo::of::<Opened>(), EventInfo::of::<Deposited>(), EventInfo::of::<Closed>()];
    fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => Opened::NAME,
            Self::Deposited(_) => Deposited::NAME,
            Self::Closed(_) => Closed::NAME,
            Self::Retired(e) => e.name(),
        }
    }
    fn version(&self) -> u16 {
        match self {
            Self::Opened(_) => 1,
            Self::Deposited(_) => 1,
            Self::Closed(_) => 1,
            Self::Retired(e) => e.version(),
        }
    }
    fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Opened(e) => serde_json::to_vec(e),
            Self::Deposited(e) => serde_json::to_vec(e),
            Self::Closed(e) => serde_json::to_vec(e),
            Self::Retired(e) => serde_json::to_vec(e.payload()),
        }
    }
    fn decode(stored: p::Payload<'_>) -> Result<Self, p::PayloadError> {
        if stored.is::<Opened>() {
            return stored.read().map(Self::Opened);
        }
        if stored.is::<Deposited>() {
            return stored.read().map(Self::Deposited);
        }
        if stored.is::<Closed>() {
            return stored.read().map(Self::Closed);
        }
        stored.retired(Self::EVENTS).map(Self::Retired)
    }
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
p::inventory::submit! { p::AggregateRecord::of::<Account>("by_hand::Account", &[
    p::ApplierRecord::of::<Opened>(p::Role::Birth),
    p::ApplierRecord::of::<Deposited>(p::Role::Life),
]) }

#[derive(Clone, Debug, PartialEq, p::serde::Serialize, p::serde::Deserialize)]
#[serde(crate = "es_core::__private::serde")]
pub struct Deposit {
    pub account: String,
    pub amount: u64,
}
impl Command for Deposit {
    type Aggregate = Account;
    const NAME: &'static str = "Deposit";
    const FIELDS: &'static [Field] = &[];
    fn id(&self) -> &String {
        &self.account
    }
}
impl Account {
    fn validate_deposit(c: &Deposit) -> Result<(), AccountError> {
        if c.amount == 0 { Err(AccountError::No) } else { Ok(()) }
    }
    fn deposit(
        &self,
        command: Deposit,
        cx: &Context<Self>,
    ) -> Result<Reply<(Option<Deposited>, [Deposited; 1]), u64>, AccountError> {
        let _ = cx.draft(None);
        let _ = cx.draft(self);
        let event = Deposited { amount: command.amount };
        Ok(Reply::from_state((None, [event]), |account| account.balance))
    }
}
impl Handle<Deposit> for Account {
    type Needs = p::Living;
    type Outcome = Result<Reply<(Option<Deposited>, [Deposited; 1]), u64>, AccountError>;
    type Calls = p::NoServices;
    const RETRY: RetryPolicy = RetryPolicy::DEFAULT.max(5);
    const SERVICES: &'static [p::ServiceNeed] = &[];
    fn validate(command: &Deposit) -> Result<(), AccountError> {
        Self::validate_deposit(command)?;
        Ok(())
    }
    fn handle<'a>(
        state: &'a Self,
        command: Deposit,
        context: &'a Context<Self>,
        _: &'a Services,
    ) -> impl Future<Output = Self::Outcome> + Send + 'a {
        std::future::ready(Self::deposit(state, command, context))
    }
}
p::inventory::submit! { p::HandlerRecord::of::<Account, Deposit>("by_hand::Deposit") }

fn given<A: Applier>(events: impl IntoEvents<A>) -> Given<A> {
    let mut out = Vec::new();
    events.into_events(&mut out);
    Given(out)
}
struct Given<A: Applier>(Vec<A::Event>);
impl<A: Applier> Given<A> {
    fn when<C: Command<Aggregate = A>>(self, _: C) -> usize
    where
        A: Handle<C>,
    {
        self.0.len()
    }
}

#[test]
fn inference_holds() {
    let n = given((Opened { owner: "a".into() }, vec![Deposited { amount: 1 }]))
        .when(Deposit { account: "a".into(), amount: 2 });
    assert_eq!(n, 2);
}

#[tokio::test]
async fn the_app_runs_it() {
    use es_core::store::*;
    let store = MemoryStore::new();
    let app = App::builder(store.clone()).aggregate::<Account>().build().await.unwrap();
    let stream = Account::stream(&"ann".to_string());
    let opened = NewEvent {
        id: uuid::Uuid::now_v7(),
        name: "Opened".into(),
        schema: 1,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: br#"{"owner":"Ann"}"#[..].into(),
        metadata: Default::default(),
    };
    store.append(Commit::one(stream, Expected::NoStream, vec![opened])).await.unwrap();
    let done = app.execute(Deposit { account: "ann".into(), amount: 7 }).by("ann").await.unwrap();
    assert_eq!((done.reply, done.version, done.attempts), (7, 2, 1));
    let err = app.execute(Deposit { account: "ann".into(), amount: 700 }).await.unwrap_err();
    assert!(matches!(err, CommandError::Invariant(AccountError::No)), "{err:?}");
    let id = CommandId::new();
    let a = app.execute(Deposit { account: "ann".into(), amount: 3 }).id(id).await.unwrap();
    let b = app.execute(Deposit { account: "ann".into(), amount: 3 }).id(id).await.unwrap();
    assert_eq!((a.reply, b.reply, b.duplicate, b.version), (10, 10, true, 3));
    let (x, y) = app
        .execute_all((
            Deposit { account: "ann".into(), amount: 1 },
            Deposit { account: "ann".into(), amount: 2 },
        ))
        .await
        .unwrap();
    assert_eq!((x.reply, y.reply, x.version, y.version), (11, 13, 4, 5));
    assert_eq!(
        app.execute_json("Deposit", serde_json::json!({"account": "ann", "amount": 5})).await.unwrap()["reply"],
        18
    );
    assert_eq!(app.would(&Deposit { account: "ann".into(), amount: 5 }).await.unwrap().len(), 1);
    assert_eq!(app.load::<Account>(&"ann".into()).await.unwrap().unwrap().balance, 18);
    assert_eq!(app.history::<Account>(&"ann".into()).await.unwrap().len(), 6);
    tokio::spawn(app.execute(Deposit { account: "ann".into(), amount: 3 })).await.unwrap().unwrap();
}
