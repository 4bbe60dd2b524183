//! Messages inside of a process: handlers by the message's type.

use crate::service::BoxFuture;
use crate::store::BoxError;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::ready;

/// Passes a message on to the handlers of its type.
///
/// For what stays inside of one process and may be lost with it: nothing is stored, repeated or retried, and
/// whoever dispatches waits until it is done. What must happen after an event is a reactor's.
///
/// Messages are any types. Handlers run one after the other, the latest first, so that one that is added
/// later can stop those from before. `E` is their error. It can be shared by threads, and so be a service.
///
/// ```
/// use es_core::prelude::*;
/// use es_core::Dispatcher;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[event]
/// pub struct OrderPlaced {
///     pub total: u64,
/// }
///
/// pub trait Mailer: Send + Sync {
///     fn send(&self, text: String) -> BoxFuture<'_, Result<(), std::io::Error>>;
/// }
/// # struct Nobody;
/// # impl Mailer for Nobody {
/// #     fn send(&self, _: String) -> BoxFuture<'_, Result<(), std::io::Error>> {
/// #         Box::pin(async { Ok(()) })
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let mailer: Arc<dyn Mailer> = Arc::new(Nobody);
/// let turnover = Arc::new(AtomicU64::new(0));
/// let counted = turnover.clone();
/// let dispatcher: Dispatcher = Dispatcher::new()
///     .on(move |order: &OrderPlaced| {
///         counted.fetch_add(order.total, Ordering::Relaxed);
///         Ok(())
///     })
///     .on_async(move |order: &OrderPlaced| {
///         let mailer = mailer.clone();
///         Box::pin(async move { Ok(mailer.send(format!("{} to pay", order.total)).await?) })
///     });
///
/// dispatcher.dispatch(&OrderPlaced { total: 30 }).await?;
/// assert_eq!(turnover.load(Ordering::Relaxed), 30);
/// # Ok(())
/// # }
/// ```
pub struct Dispatcher<E = BoxError> {
    /// By the type of their message, in the order in which they were added.
    handlers: HashMap<TypeId, Vec<Handler<E>>>,
}

type Handler<E> = Box<dyn for<'a> Fn(&'a (dyn Any + Send + Sync)) -> Handled<'a, E> + Send + Sync>;
type Handled<'a, E> = BoxFuture<'a, Result<(), E>>;

/// A handler as it is kept, under the type of its message.
fn of_any<M: Any + Send + Sync, E: 'static>(
    handler: impl for<'a> Fn(&'a M) -> Handled<'a, E> + Send + Sync + 'static,
) -> Handler<E> {
    Box::new(move |message| {
        handler(message.downcast_ref().expect("a handler is found by its message's type"))
    })
}

impl<E: Send + 'static> Dispatcher<E> {
    /// Without handlers.
    pub fn new() -> Self {
        Self { handlers: HashMap::new() }
    }

    /// Adds a handler for messages of type `M`.
    #[must_use]
    pub fn on<M: Any + Send + Sync>(
        self,
        handler: impl Fn(&M) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.on_async(move |message: &M| Box::pin(ready(handler(message))))
    }

    /// Adds a handler for messages of type `M` that has to wait for something.
    #[must_use]
    pub fn on_async<M: Any + Send + Sync>(
        mut self,
        handler: impl for<'a> Fn(&'a M) -> BoxFuture<'a, Result<(), E>> + Send + Sync + 'static,
    ) -> Self {
        self.handlers.entry(TypeId::of::<M>()).or_default().push(of_any(handler));
        self
    }

    /// Gives a message to its handlers until one of them fails. A type without handlers is fine.
    ///
    /// # Errors
    /// The error of the handler that failed. Those that were added before it did not run.
    pub async fn dispatch<M: Any + Send + Sync>(&self, message: &M) -> Result<(), E> {
        for handler in self.latest_first::<M>() {
            handler(message).await?;
        }
        Ok(())
    }

    /// Gives a message to every one of its handlers, whether others fail or not. A type without handlers is
    /// fine.
    ///
    /// # Errors
    /// [`FanOutError`] with every error of a handler.
    pub async fn fan_out<M: Any + Send + Sync>(&self, message: &M) -> Result<(), FanOutError<E>> {
        let mut errors = Vec::new();
        for handler in self.latest_first::<M>() {
            errors.extend(handler(message).await.err());
        }
        if errors.is_empty() { Ok(()) } else { Err(FanOutError { errors }) }
    }

    fn latest_first<M: Any>(&self) -> impl Iterator<Item = &Handler<E>> {
        self.handlers.get(&TypeId::of::<M>()).into_iter().flatten().rev()
    }
}

impl<E: Send + 'static> Default for Dispatcher<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Dispatcher<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers: usize = self.handlers.values().map(Vec::len).sum();
        f.debug_struct("Dispatcher")
            .field("types", &self.handlers.len())
            .field("handlers", &handlers)
            .finish()
    }
}

/// Some handlers of a message have failed.
#[derive(Debug, PartialEq, Eq)]
pub struct FanOutError<E> {
    /// Their errors, in the order in which they ran; at least one.
    pub errors: Vec<E>,
}

impl<E: fmt::Display> fmt::Display for FanOutError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("handlers failed")?;
        for (n, error) in self.errors.iter().enumerate() {
            write!(f, "{} {error}", if n == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for FanOutError<E> {}
