//! Every receiver, every parameter, every key and every return type that a method of a projection may have.
#![deny(warnings)]
use es_core::prelude::*;

#[aggregate_id]
pub struct OrderId(Uuid);

#[event]
pub struct Placed {
    pub guest: Option<String>,
    pub nights: Vec<Date>,
    pub day: Date,
}

#[projection(key = Date, name = "days", version = 7, no_derive(Default))]
#[derive(Eq)]
pub struct Days {
    orders: u32,
}
impl Default for Days {
    fn default() -> Self {
        Days { orders: 1 }
    }
}

#[projection]
impl Days {
    #[key(e.day)]
    fn plain(&mut self, e: &Placed) {
        self.orders += 1;
    }
    #[key(&e.day)]
    fn borrowed(&mut self, e: &Placed, day: &Date, _: &OrderId) -> Result<(), std::fmt::Error> {
        self.orders += u32::from(*day == e.day);
        Ok(())
    }
    #[key(e.nights.clone())]
    fn each(&mut self, e: &Placed) -> Result<(), String> {
        Ok(())
    }
    #[key(env.recorded_at.date())]
    fn day(self, _: &Placed, env: &Envelope) {}
    #[key(guest.as_ref().map(|_| *day))]
    fn destructured(
        &mut self,
        Placed { guest, day, .. }: &Placed,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
    #[key("2026-12-24".parse::<Date>().ok())]
    fn raw(&mut self, _: &RawEvent, _: &Envelope, mut _n: &Date) -> () {}
}

#[projection(key = String)]
pub struct Guests(Vec<String>);

#[projection]
impl Guests {
    #[key(Self::key(order, &e.guest)?)]
    fn placed(&mut self, e: &Placed, order: &OrderId, key: &String) {
        self.0.push(format!("{key}{order}"));
    }
    #[key(match &e.guest {
        Some(guest) => vec![guest.clone(), format!("{order}")],
        None => Vec::new(),
    })]
    fn guest(&mut self, e: &Placed, order: &OrderId) {}
}

impl Guests {
    fn key(order: &OrderId, guest: &Option<String>) -> Result<Option<String>, IdError> {
        Ok(guest.as_ref().map(|guest| format!("{order}/{guest}")))
    }
}

#[projection(key = (), inline)]
#[serde(default)]
struct Total {
    #[serde(rename = "n")]
    orders: u64,
}

#[projection]
impl Total {
    fn placed(&mut self, _: &Placed) {
        self.orders += 1;
    }
}

pub struct LedgerTx;

#[projection]
pub struct Ledger;

#[projection]
impl Ledger {
    fn make(_: &LedgerTx) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    fn placed(&self, _: &Placed, _: &LedgerTx, _: &Envelope, _: &OrderId) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    fn any(&self, _: &RawEvent) {}
}

#[projection(inline)]
pub struct AsyncLedger;

#[projection]
impl AsyncLedger {
    async fn make(_: &mut LedgerTx) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    async fn placed(
        &self,
        _: &Placed,
        order: &OrderId,
        tx: &mut LedgerTx,
        _: &Envelope,
    ) -> Result<(), std::fmt::Error> {
        tx.wait().await;
        println!("{order}");
        Ok(())
    }
    async fn raw(&self, _: &RawEvent, _: &mut LedgerTx) {}
    async fn nothing(&self, _: &Placed) {}
    fn any(&self, _: &RawEvent) {}
}

impl LedgerTx {
    async fn wait(&mut self) {}
}
