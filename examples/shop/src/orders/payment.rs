//! A payment: one charge if all goes well; a customer who is asked for another card if not.

use super::order::OrderId;
use es_core::prelude::*;

/// Money is wanted for an order.
#[event]
pub struct PaymentRequested {
    pub amount: u64,
}

/// The money is there.
#[event]
pub struct PaymentReceived {
    pub amount: u64,
}

/// The card was declined; the customer has to name another one.
#[event]
pub struct CustomerAskedToUpdateCard {}

/// The customer has named another card.
#[event]
pub struct CreditCardUpdated {}

/// No card came in time.
#[event]
pub struct PaymentFailed {}

/// Nothing is wanted any more; what was paid is given back.
#[event]
pub struct PaymentCancelled {
    pub refunded: u64,
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

/// What a bank answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The money is there.
    Accepted,
    /// It is not, and this card will not give it.
    Declined,
}

/// A bank that takes money from cards.
pub trait Cards: Send + Sync {
    /// Takes money from a card; once, however often it is asked under the same key.
    fn charge(&self, card: &str, cents: u64, key: Uuid) -> BoxFuture<'_, Charge>;
    /// Gives back what was taken for an order; once under the same key.
    fn refund(&self, cents: u64, key: Uuid) -> BoxFuture<'_, ()>;
}

/// A bank for stories and tests: it declines every card whose number ends with `0002`.
#[derive(Debug, Default)]
pub struct TestCards;

impl Cards for TestCards {
    fn charge(&self, card: &str, _: u64, _: Uuid) -> BoxFuture<'_, Charge> {
        let answer = if card.ends_with("0002") { Charge::Declined } else { Charge::Accepted };
        Box::pin(async move { answer })
    }

    fn refund(&self, _: u64, _: Uuid) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// How far a payment is.
#[value]
#[derive(Copy, Eq)]
pub enum PaymentStatus {
    /// A card is waited for.
    Waiting,
    /// The money is there.
    Received,
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
        Self { amount: e.amount, status: PaymentStatus::Waiting }
    }

    fn received(&mut self, _: &PaymentReceived) {
        self.status = PaymentStatus::Received;
    }

    fn asked(&mut self, _: &CustomerAskedToUpdateCard) {}

    fn card_updated(&mut self, _: &CreditCardUpdated) {}

    fn failed(&mut self, _: &PaymentFailed) {
        self.status = PaymentStatus::Failed;
    }

    fn cancelled(&mut self, _: &PaymentCancelled) {
        self.status = PaymentStatus::Cancelled;
    }
}

/// What follows from the bank's answer.
type Answered = (Option<PaymentReceived>, Option<CustomerAskedToUpdateCard>);

fn answered(charge: Charge, amount: u64) -> Answered {
    match charge {
        Charge::Accepted => (Some(PaymentReceived { amount }), None),
        Charge::Declined => (None, Some(CustomerAskedToUpdateCard {})),
    }
}

/// The bank is asked once for each decision: what is decided again asks under the same key.
#[command_handler(retry(max = 0))]
impl Payment {
    async fn retrieve(
        command: RetrievePayment,
        cx: &Context<Self>,
        cards: &dyn Cards,
    ) -> (PaymentRequested, Answered) {
        let amount = command.amount;
        let charge = cards.charge(&command.card, amount, cx.new_id()).await;
        (PaymentRequested { amount }, answered(charge, amount))
    }

    /// A card that comes when none is waited for is ignored.
    async fn update_card(
        &self,
        command: UpdateCard,
        cx: &Context<Self>,
        cards: &dyn Cards,
    ) -> Option<(CreditCardUpdated, Answered)> {
        if self.status != PaymentStatus::Waiting {
            return None;
        }
        let charge = cards.charge(&command.card, self.amount, cx.new_id()).await;
        Some((CreditCardUpdated {}, answered(charge, self.amount)))
    }

    fn fail(&self, _: FailPayment) -> Option<PaymentFailed> {
        (self.status == PaymentStatus::Waiting).then_some(PaymentFailed {})
    }

    async fn cancel(
        &self,
        _: CancelPayment,
        cx: &Context<Self>,
        cards: &dyn Cards,
    ) -> Option<PaymentCancelled> {
        match self.status {
            PaymentStatus::Waiting => Some(PaymentCancelled { refunded: 0 }),
            PaymentStatus::Received => {
                cards.refund(self.amount, cx.new_id()).await;
                Some(PaymentCancelled { refunded: self.amount })
            }
            PaymentStatus::Failed | PaymentStatus::Cancelled => None,
        }
    }
}
