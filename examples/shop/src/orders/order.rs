//! An order, from the letter that it came with to the parcel that leaves.

use es_core::prelude::*;

/// An order, by the cart that it comes from.
#[aggregate_id]
pub struct OrderId(String);

/// So many of an article.
#[value]
pub struct Line {
    pub article: String,
    pub quantity: u32,
}

/// Somebody has ordered something.
#[event]
pub struct OrderReceived {
    pub customer: String,
    pub email: String,
    pub card: String,
    pub lines: Vec<Line>,
    /// In cents.
    pub total: u64,
}

/// It waits for an article.
#[event]
pub struct OrderBackOrdered {
    pub article: String,
}

/// A parcel has left.
#[event]
pub struct OrderShipped {
    pub tracking: String,
}

/// There is nothing left to do for it.
#[event]
pub struct OrderCompleted {}

/// It will not be shipped.
#[event]
pub struct OrderCancelled {
    pub reason: String,
}

#[command(Order)]
pub struct ReceiveOrder {
    #[id]
    pub order: OrderId,
    pub customer: String,
    pub email: String,
    pub card: String,
    pub lines: Vec<Line>,
    pub total: u64,
}

#[command(Order)]
pub struct BackOrder {
    #[id]
    pub order: OrderId,
    pub article: String,
}

#[command(Order)]
pub struct ShipGoods {
    #[id]
    pub order: OrderId,
}

#[command(Order)]
pub struct CompleteOrder {
    #[id]
    pub order: OrderId,
}

#[command(Order)]
pub struct CancelOrder {
    #[id]
    pub order: OrderId,
    pub reason: String,
}

/// How far an order is.
#[value]
#[derive(Copy, Eq, Default)]
pub enum Status {
    /// It is worked on.
    #[default]
    Received,
    /// It waits for goods.
    BackOrdered,
    /// The parcel has left.
    Shipped,
    /// Nothing is left to do.
    Completed,
    /// It will not be shipped.
    Cancelled,
}

/// Why an order says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A parcel leaves once, and cannot be called back.
    #[error("the order was shipped")]
    AlreadyShipped,
    /// What was cancelled is not shipped.
    #[error("the order was cancelled")]
    AlreadyCancelled,
}

/// One order.
#[aggregate(id = OrderId, snapshot(every = 50))]
pub struct Order {
    pub email: String,
    pub status: Status,
    pub tracking: Option<String>,
}

#[applier]
impl Order {
    fn received(e: &OrderReceived) -> Self {
        Self { email: e.email.clone(), status: Status::Received, tracking: None }
    }

    fn back_ordered(&mut self, _: &OrderBackOrdered) {
        self.status = Status::BackOrdered;
    }

    fn shipped(&mut self, e: &OrderShipped) {
        self.status = Status::Shipped;
        self.tracking = Some(e.tracking.clone());
    }

    fn completed(&mut self, _: &OrderCompleted) {
        self.status = Status::Completed;
    }

    fn cancelled(&mut self, _: &OrderCancelled) {
        self.status = Status::Cancelled;
    }
}

#[command_handler]
impl Order {
    fn receive(command: ReceiveOrder) -> OrderReceived {
        let ReceiveOrder { customer, email, card, lines, total, .. } = command;
        OrderReceived { customer, email, card, lines, total }
    }

    fn back_order(&self, command: BackOrder) -> Option<OrderBackOrdered> {
        let is_waited_for = matches!(self.status, Status::Received | Status::BackOrdered);
        is_waited_for.then_some(OrderBackOrdered { article: command.article })
    }

    /// The parcel's number is new, and the same whenever this command is decided again.
    fn ship(&self, _: ShipGoods, cx: &Context<Self>) -> Result<OrderShipped, OrderError> {
        match self.status {
            Status::Received | Status::BackOrdered => {
                let number: Uuid = cx.new_id();
                let number = number.simple().to_string();
                Ok(OrderShipped { tracking: format!("P{}", &number[..8]) })
            }
            Status::Shipped | Status::Completed => Err(OrderError::AlreadyShipped),
            Status::Cancelled => Err(OrderError::AlreadyCancelled),
        }
    }

    fn complete(&self, _: CompleteOrder) -> Option<OrderCompleted> {
        (self.status == Status::Shipped).then_some(OrderCompleted {})
    }

    fn cancel(&self, command: CancelOrder) -> Result<Option<OrderCancelled>, OrderError> {
        match self.status {
            Status::Received | Status::BackOrdered => Ok(Some(OrderCancelled { reason: command.reason })),
            Status::Shipped | Status::Completed => Err(OrderError::AlreadyShipped),
            Status::Cancelled => Ok(None),
        }
    }
}
