//! A payment: one charge if all goes well; a customer who is asked for another card if not.
//!
//! A bank does not wait for our log, and nothing that is asked of it can be rolled back. So what is decided is
//! written down first, and [`Bank`](super::bank::Bank) asks for it afterwards, under a key that stays the same
//! however often it is asked again:
//!
//! ```text
//! RetrievePayment ─► PaymentRequested ──┐
//!                                       ├─► ChargeCard ─► PaymentReceived | CustomerAskedToUpdateCard
//! UpdateCard ──────► CreditCardUpdated ─┘
//! CancelPayment ───► PaymentCancelled ────► the money goes back, if it was there
//! ```

use super::bank::{Cards, Charge};
use super::order::OrderId;
use es_core::prelude::*;

/// Money is wanted for an order.
#[event]
pub struct PaymentRequested {
    pub amount: u64,
    pub card: String,
}

/// The money is there.
#[event]
pub struct PaymentReceived {
    pub amount: u64,
    /// The bank's key of it.
    pub charge: Uuid,
}

/// The card was declined; the customer has to name another one.
#[event]
pub struct CustomerAskedToUpdateCard {}

/// The customer has named another card, which is asked for the money next.
#[event]
pub struct CreditCardUpdated {
    pub card: String,
}

/// No card came in time.
#[event]
pub struct PaymentFailed {}

/// Nothing is wanted any more; what was paid is given back.
#[event]
pub struct PaymentCancelled {
    pub refunded: u64,
    /// What has to be given back.
    pub charge: Option<Uuid>,
}

#[command(Payment)]
pub struct RetrievePayment {
    #[id]
    pub order: OrderId,
    pub amount: u64,
    pub card: String,
}

#[command(Payment)]
pub struct UpdateCard {
    #[id]
    pub order: OrderId,
    pub card: String,
}

/// Asks the bank for the money. Its id is the charge's: sent again, it is the same charge.
#[command(Payment)]
pub struct ChargeCard {
    #[id]
    pub order: OrderId,
    pub card: String,
}

#[command(Payment)]
pub struct FailPayment {
    #[id]
    pub order: OrderId,
}

#[command(Payment)]
pub struct CancelPayment {
    #[id]
    pub order: OrderId,
}

/// How far a payment is.
#[value]
#[derive(Copy, Eq)]
pub enum PaymentStatus {
    /// A card is asked for the money.
    Charging,
    /// Another card is waited for.
    Waiting,
    /// The money is there.
    Received { charge: Uuid },
    /// No card came in time.
    Failed,
    /// It is not wanted any more.
    Cancelled,
}

/// The payment of one order.
#[aggregate(id = OrderId)]
pub struct Payment {
    amount: u64,
    status: PaymentStatus,
}

#[applier]
impl Payment {
    fn requested(e: &PaymentRequested) -> Self {
        Self { amount: e.amount, status: PaymentStatus::Charging }
    }

    fn received(&mut self, e: &PaymentReceived) {
        self.status = PaymentStatus::Received { charge: e.charge };
    }

    fn asked(&mut self, _: &CustomerAskedToUpdateCard) {
        self.status = PaymentStatus::Waiting;
    }

    fn card_updated(&mut self, _: &CreditCardUpdated) {
        self.status = PaymentStatus::Charging;
    }

    fn failed(&mut self, _: &PaymentFailed) {
        self.status = PaymentStatus::Failed;
    }

    fn cancelled(&mut self, _: &PaymentCancelled) {
        self.status = PaymentStatus::Cancelled;
    }
}

/// What is decided without the bank.
#[command_handler]
impl Payment {
    fn retrieve(command: RetrievePayment) -> PaymentRequested {
        PaymentRequested { amount: command.amount, card: command.card }
    }

    /// A card that comes when none is waited for is ignored.
    fn update_card(&self, command: UpdateCard) -> Option<CreditCardUpdated> {
        (self.status == PaymentStatus::Waiting).then_some(CreditCardUpdated { card: command.card })
    }

    /// A card whose answer is not there when the time is over came too late.
    fn fail(&self, _: FailPayment) -> Option<PaymentFailed> {
        matches!(self.status, PaymentStatus::Charging | PaymentStatus::Waiting).then_some(PaymentFailed {})
    }

    fn cancel(&self, _: CancelPayment) -> Option<PaymentCancelled> {
        match self.status {
            PaymentStatus::Charging | PaymentStatus::Waiting => {
                Some(PaymentCancelled { refunded: 0, charge: None })
            }
            PaymentStatus::Received { charge } => {
                Some(PaymentCancelled { refunded: self.amount, charge: Some(charge) })
            }
            PaymentStatus::Failed | PaymentStatus::Cancelled => None,
        }
    }
}

/// What the bank decides.
#[command_handler]
impl Payment {
    /// The money may be gone from the card before that is written down here: the process ends in between, or
    /// another command is faster. Then this is decided again. If the money is still wanted, the bank is asked
    /// again under the same key, and takes nothing twice; if not, what it may have taken goes back.
    #[retry(max = 10, backoff = "5ms..200ms")]
    async fn charge(
        &self,
        command: ChargeCard,
        cx: &Context<Self>,
        cards: &dyn Cards,
    ) -> (Option<PaymentReceived>, Option<CustomerAskedToUpdateCard>) {
        let key = cx.new_id();
        if self.status != PaymentStatus::Charging {
            cards.void(key).await;
            return (None, None);
        }
        match cards.charge(&command.card, self.amount, key).await {
            Charge::Accepted => (Some(PaymentReceived { amount: self.amount, charge: key }), None),
            Charge::Declined => (None, Some(CustomerAskedToUpdateCard {})),
        }
    }
}
