//! A mail to whoever a parcel is on its way to.

use super::order::{Order, OrderId, OrderShipped};
use es_core::prelude::*;
use std::error::Error;

/// A mail, before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whoever sends a mail twice sends it under the same key.
    pub key: Uuid,
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Sends a mail. The receiver accepts one of each key, and a repeated one is no error.
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>>;
}

/// Why a mail was not sent, or why there is none to send.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// There is no such order.
    #[error("there is no order {0}")]
    NoOrder(OrderId),
    /// The order cannot be read.
    #[error("the order cannot be read")]
    Load(#[from] LoadError),
    /// It was not sent.
    #[error("the mail was not sent")]
    NotSent(#[source] Box<dyn Error + Send + Sync>),
}

/// Tells a customer that a parcel has left. It may have to be told twice, when the process ends between the
/// mail and the note that it was sent; the key is the same then.
#[reactor(retry(max = 10, backoff = "100ms..1m"), on_failure = park)]
pub struct ShippedMail;

#[reactor]
impl ShippedMail {
    async fn shipped(
        &self,
        e: &OrderShipped,
        order: &OrderId,
        env: &Envelope,
        cx: &Context<Self>,
        app: &App,
        mailer: &dyn Mailer,
    ) -> Result<(), MailError> {
        // The order as it was when the parcel left, whatever has happened since.
        let shipped = app.load_as_of::<Order>(order, AsOf::Version(env.version)).await?;
        let shipped = shipped.ok_or_else(|| MailError::NoOrder(order.clone()))?;
        let mail = Mail {
            key: cx.new_id(),
            to: shipped.email.clone(),
            subject: format!("Order {order} is on its way"),
            text: format!("Your parcel has the number {}.\n", e.tracking),
        };
        mailer.send(mail).await
    }
}
