//! Every receiver, every parameter and every return type that a handler may have.
use es_core::prelude::*;

#[event]
pub struct Opened;
#[event]
pub struct Deposited;
#[event]
pub struct Closed;

#[aggregate(id = u64)]
pub struct Account;

#[applier]
impl Account {
    fn opened(_: &Opened, _: &Envelope) -> Account {
        Account
    }
    fn deposited(&mut self, _: &Deposited) {}
    fn closed(self, _: &Closed) {}
    #[invariant]
    fn fine(&self) -> Result<(), Refused> {
        Ok(())
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("no")]
pub struct Refused;

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Wider {
    #[error(transparent)]
    Refused(#[from] Refused),
}

pub trait Atm: Send + Sync {}

#[value]
pub struct Receipt(u64);

macro_rules! commands {
    ($($name:ident)*) => {$(
        #[command(Account)]
        pub struct $name {
            #[id]
            pub account: u64,
        }
    )*};
}
commands! { Open Reopen Nothing One Maybe Some Many Three Any Whole Copy Replied Read Wide Paid Cleared }

#[command_handler(retry(max = 3, backoff = "1ms..1s"))]
impl Account {
    fn open(_: Open) -> Opened {
        Opened
    }
    fn reopen(state: Option<&Self>, _: Reopen) -> Option<Opened> {
        state.is_none().then_some(Opened)
    }
    fn nothing(&self, _: Nothing) {}
    fn one(&self, _: One) -> Result<Deposited, Refused> {
        Ok(Deposited)
    }
    fn maybe(&self, _: Maybe) -> Result<Option<Deposited>, Refused> {
        Err(Refused)
    }
    fn some(&self, _: Some) -> (Option<Deposited>, Closed) {
        (None, Closed)
    }
    fn many(&self, _: Many) -> Vec<Deposited> {
        Vec::new()
    }
    fn three(&self, _: Three) -> [Deposited; 3] {
        [Deposited, Deposited, Deposited]
    }
    fn any(&self, _: Any) -> Vec<AccountEvent> {
        vec![AccountEvent::Deposited(Deposited), AccountEvent::Closed(Closed)]
    }
    fn whole(&self, _: Whole) -> AccountEvent {
        AccountEvent::Deposited(Deposited)
    }
    fn copy(&self, _: Copy, cx: &Context<Self>) -> Result<Draft<Self>, Refused> {
        let mut draft = cx.draft(self);
        draft.raise(Deposited);
        Ok(draft)
    }
    fn replied(&self, _: Replied) -> Reply<Deposited, Receipt> {
        Reply::new(Deposited, Receipt(1))
    }
    fn read(&self, _: Read) -> Result<Reply<Deposited, u64>, Refused> {
        Ok(Reply::from_state(Deposited, |_: &Account| 1))
    }
    fn wide(&self, _: Wide) -> Result<Deposited, Wider> {
        Err(Refused)?
    }
    #[retry(max = 0)]
    async fn paid(
        &self,
        _: Paid,
        _: &dyn Atm,
        cx: &Context<Self>,
        _: &Receipt,
    ) -> Result<Deposited, Refused> {
        std::future::ready(cx.now()).await;
        Ok(Deposited)
    }
    #[validate]
    fn any_day(_: &Cleared) -> Result<(), Refused> {
        Ok(())
    }
    async fn cleared(state: Option<&Self>, _: Cleared) -> Result<(), Wider> {
        state.map(|_| ()).ok_or(Wider::Refused(Refused))
    }
}
