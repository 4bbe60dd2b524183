//! From a placed order to its invoice: three steps, in this order and no other.

use es_core::prelude::*;
use es_testing::prelude::*;

#[value]
#[derive(Copy)]
pub struct Line {
    pub quantity: u64,
    pub price: u64,
}

#[event]
pub struct OrderPlaced {
    pub lines: Vec<Line>,
}
#[event]
pub struct BillableAmountCalculated {
    pub amount: u64,
}
#[event]
pub struct BillableAmountVerified {
    pub amount: u64,
}
#[event]
pub struct InvoicePrepared {
    pub amount: u64,
    pub number: u32,
}

#[command(Billing)]
pub struct PlaceOrder {
    #[id]
    pub order: u32,
    pub lines: Vec<Line>,
}
#[command(Billing)]
pub struct CalculateBillableAmount {
    #[id]
    pub order: u32,
}
#[command(Billing)]
pub struct VerifyBillableAmount {
    #[id]
    pub order: u32,
    pub amount: u64,
}
#[command(Billing)]
pub struct PrepareInvoice {
    #[id]
    pub order: u32,
    pub number: u32,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum BillingError {
    #[error("the billable amount is not calculated yet")]
    NotCalculated,
    #[error("the billable amount is {billable}")]
    OtherAmount { billable: u64 },
    #[error("the billable amount is not verified yet")]
    NotVerified,
}

#[aggregate(id = u32)]
pub enum Billing {
    Placed { lines: Vec<Line> },
    Calculated { amount: u64 },
    Verified { amount: u64 },
    InvoicePrepared,
}

#[applier]
impl Billing {
    fn placed(e: &OrderPlaced) -> Self {
        Self::Placed { lines: e.lines.clone() }
    }
    fn calculated(&mut self, e: &BillableAmountCalculated) {
        *self = Self::Calculated { amount: e.amount };
    }
    fn verified(&mut self, e: &BillableAmountVerified) {
        *self = Self::Verified { amount: e.amount };
    }
    fn invoice_prepared(&mut self, _: &InvoicePrepared) {
        *self = Self::InvoicePrepared;
    }
}

#[command_handler]
impl Billing {
    fn place(command: PlaceOrder) -> OrderPlaced {
        OrderPlaced { lines: command.lines }
    }
    fn calculate(&self, _: CalculateBillableAmount) -> Option<BillableAmountCalculated> {
        let Self::Placed { lines } = self else { return None };
        Some(BillableAmountCalculated { amount: lines.iter().map(|line| line.quantity * line.price).sum() })
    }
    fn verify(&self, command: VerifyBillableAmount) -> Result<BillableAmountVerified, BillingError> {
        match *self {
            Self::Calculated { amount } if amount == command.amount => Ok(BillableAmountVerified { amount }),
            Self::Calculated { amount } => Err(BillingError::OtherAmount { billable: amount }),
            _ => Err(BillingError::NotCalculated),
        }
    }
    fn prepare_invoice(&self, command: PrepareInvoice) -> Result<InvoicePrepared, BillingError> {
        let Self::Verified { amount } = *self else { return Err(BillingError::NotVerified) };
        Ok(InvoicePrepared { amount, number: command.number })
    }
}

fn two_for_1500() -> Vec<Line> {
    vec![Line { quantity: 2, price: 1_500 }]
}

on_every_store! { ac_70_an_order_is_billed_step_by_step }

async fn ac_70_an_order_is_billed_step_by_step(store: impl EventStore) {
    let app = App::builder(store).aggregate::<Billing>().build().await.unwrap();
    app.execute(PlaceOrder { order: 1, lines: two_for_1500() }).await.unwrap();
    app.execute(CalculateBillableAmount { order: 1 }).await.unwrap();
    app.execute(VerifyBillableAmount { order: 1, amount: 3_000 }).await.unwrap();
    let done = app.execute(PrepareInvoice { order: 1, number: 1 }).await.unwrap();
    assert_eq!(done.events, [BillingEvent::InvoicePrepared(InvoicePrepared { amount: 3_000, number: 1 })]);
    assert_eq!(*done.state.unwrap(), Billing::InvoicePrepared);
}

#[test]
fn ac_70_each_step_is_an_event() {
    given(OrderPlaced { lines: two_for_1500() })
        .when(CalculateBillableAmount { order: 1 })
        .then(BillableAmountCalculated { amount: 3_000 })
        .when(VerifyBillableAmount { order: 1, amount: 3_000 })
        .then(BillableAmountVerified { amount: 3_000 })
        .when(PrepareInvoice { order: 1, number: 1 })
        .then(InvoicePrepared { amount: 3_000, number: 1 });
}

#[test]
fn no_step_is_left_out() {
    given(OrderPlaced { lines: two_for_1500() })
        .when(PrepareInvoice { order: 1, number: 1 })
        .then_error(BillingError::NotVerified)
        .when(VerifyBillableAmount { order: 1, amount: 3_000 })
        .then_error(BillingError::NotCalculated);
}

#[test]
fn only_the_billable_amount_is_verified() {
    given((OrderPlaced { lines: two_for_1500() }, BillableAmountCalculated { amount: 3_000 }))
        .when(VerifyBillableAmount { order: 1, amount: 2_999 })
        .then_error(BillingError::OtherAmount { billable: 3_000 });
}
