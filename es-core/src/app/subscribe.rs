//! `subscribe`: the log as a stream, from a position on and without an end.
//!
//! There is no step from what was there to what is new: both are read from the log, page by page, and the
//! store only says when to look again. So nothing can fall between the two.

use super::App;
use super::follow::{End, Log, Pace, Turn};
use crate::aggregate::Applier;
use crate::event::{RawEvent, Recorded};
use crate::id::Position;
use crate::service::BoxFuture;
use crate::store::{BoxError, Filter, StoredEvent};
use crate::upcast::DecodeError;
use crate::{fold, runtime};
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeFrom {
    /// At the first event.
    Start,
    /// Behind this position: with the first event that is not yet done.
    After(Position),
    /// Behind what is recorded when the subscription [has started](Subscription::started).
    Now,
}

impl From<Position> for SubscribeFrom {
    fn from(position: Position) -> Self {
        Self::After(position)
    }
}

/// Why a subscription has ended. What stands before that has been delivered.
///
/// To go on behind it, subscribe from [`position`](Self::position).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The store has something else at a position than was written there.
    #[error("the event at position {position} is damaged")]
    Damaged {
        /// The position.
        position: Position,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// The event is stored as it was written, and this code cannot read it.
    #[error("the event at position {position} cannot be read")]
    Unreadable {
        /// The position.
        position: Position,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The store was closed. It does not answer any more, unlike in an outage.
    #[error("the store was closed behind position {position}")]
    Closed {
        /// How far the subscription has come.
        position: Position,
    },
}

impl SubscriptionError {
    /// The position of the event that ended the subscription, or of what was done when the store was closed.
    pub fn position(&self) -> Position {
        match self {
            Self::Damaged { position, .. }
            | Self::Unreadable { position, .. }
            | Self::Closed { position } => *position,
        }
    }
}

impl App {
    /// Follows the log behind a position: what is recorded by now, then what is recorded later, in order, each
    /// event once.
    ///
    /// The answer is a `Stream`, for which nothing has to be started or stopped. To be able to go on later,
    /// keep the position of the last event that is done, and subscribe from it again. Whatever should follow
    /// the log by itself, keep its own place and run on one node at a time is a reactor or a projection.
    ///
    /// ```
    /// use es_core::prelude::*;
    /// # use es_core::store::MemoryStore;
    /// # #[event]
    /// # pub struct Opened {
    /// #     pub owner: String,
    /// # }
    /// # #[command(Account)]
    /// # pub struct Open {
    /// #     #[id]
    /// #     pub account: String,
    /// #     pub owner: String,
    /// # }
    /// # #[aggregate(id = String)]
    /// # pub struct Account {
    /// #     owner: String,
    /// # }
    /// # #[applier]
    /// # impl Account {
    /// #     fn opened(e: &Opened) -> Self {
    /// #         Account { owner: e.owner.clone() }
    /// #     }
    /// # }
    /// # #[command_handler]
    /// # impl Account {
    /// #     fn open(command: Open) -> Opened {
    /// #         Opened { owner: command.owner }
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let app = App::builder(MemoryStore::new()).aggregate::<Account>().build().await?;
    /// # app.execute(Open { account: "a-1".into(), owner: "Ann".into() }).await?;
    ///
    /// let mut events = app.subscribe(Position(0), Filter::category("account"));
    /// let mut done = Position(0);
    /// while let Some(event) = events.next().await {
    ///     let event = event?;
    ///     println!("{} in {}", event.name, event.envelope.stream);
    ///     done = event.position;
    /// #   break;
    /// }
    /// # assert_eq!(done, Position(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stream ends with a [`SubscriptionError`] at an event that cannot be read, and when the store is
    /// closed. A store that does not answer ends nothing: it is asked again, in growing intervals and with a
    /// warning each time.
    pub fn subscribe(&self, from: impl Into<SubscribeFrom>, filter: Filter) -> Subscription {
        let log = Log { store: self.core.store.clone(), filter };
        Subscription::new(log, from.into(), |stored| runtime::raw(stored).map(Some))
    }
}

/// The events behind a position, those of the future included: a `Stream` of `Result`s that ends only with an
/// error. Made by [`App::subscribe`].
///
/// It owns what it needs, so it can be spawned, and keeps the store open. It reads when it is polled, at most
/// one page ahead; whoever is slow holds up nobody. Dropping it ends it.
#[must_use = "a subscription reads when it is polled"]
pub struct Subscription<T = RawEvent> {
    log: Arc<Log>,
    decode: Decode<T>,
    from: SubscribeFrom,
    /// What is read and not yet delivered, and how far the log is done behind it.
    page: vec::IntoIter<StoredEvent>,
    page_end: Position,
    stage: Stage,
}

/// How an event is read; `None` passes over it.
type Decode<T> = fn(&StoredEvent) -> Result<Option<T>, DecodeError>;

enum Stage {
    Starting(BoxFuture<'static, Result<Position, End>>),
    Reading(BoxFuture<'static, Result<Turn, End>>),
    /// It ends when it is asked for an event.
    Ending(End),
    Over,
}

impl<T> Subscription<T> {
    fn new(log: Log, from: SubscribeFrom, decode: Decode<T>) -> Self {
        let log = Arc::new(log);
        let stage = Stage::Starting(Box::pin(log.clone().start(from)));
        Self { log, decode, from, page: Vec::new().into_iter(), page_end: Position(0), stage }
    }

    /// The next event. The same as `StreamExt::next`, for which another crate would be needed; dropping the
    /// future loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, SubscriptionError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Waits until it is known where the subscription begins, and answers how far it has come by now.
    ///
    /// It matters for [`SubscribeFrom::Now`] only: what is recorded behind this answer is delivered. Without
    /// it, now is when the first event is asked for. Where the store was closed before, the answer is 0, and
    /// the stream ends with that.
    pub async fn started(&mut self) -> Position {
        poll_fn(|context| self.poll_start(context)).await
    }

    /// How far the subscription has come: everything up to here was delivered or is not asked for, so that
    /// another one can begin here. `None` before one from [`SubscribeFrom::Now`] has started.
    ///
    /// What was delivered is not done for that. A place to go on from is kept when the work on the event is
    /// done, and then it is the event's own position.
    pub fn position(&self) -> Option<Position> {
        match self.from {
            SubscribeFrom::Start => Some(Position(0)),
            SubscribeFrom::After(position) => Some(position),
            SubscribeFrom::Now => None,
        }
    }

    fn poll_start(&mut self, context: &mut Context<'_>) -> Poll<Position> {
        if let Stage::Starting(starting) = &mut self.stage {
            match ready!(starting.as_mut().poll(context)) {
                Ok(start) => {
                    self.from = SubscribeFrom::After(start);
                    self.page_end = start;
                    self.read(Pace::Reading);
                }
                Err(end) => self.stage = Stage::Ending(end),
            }
        }
        Poll::Ready(self.position().unwrap_or_default())
    }

    fn read(&mut self, pace: Pace) {
        self.stage = Stage::Reading(Box::pin(self.log.clone().turn(self.page_end, pace)));
    }

    /// The next event of the page that is there.
    fn take(&mut self) -> Option<Result<T, SubscriptionError>> {
        for stored in self.page.by_ref() {
            let position = stored.position;
            match (self.decode)(&stored) {
                Ok(event) => {
                    self.from = SubscribeFrom::After(position);
                    if let Some(event) = event {
                        return Some(Ok(event));
                    }
                }
                Err(source) => return Some(Err(SubscriptionError::Unreadable { position, source })),
            }
        }
        None
    }

    /// What it says when nothing more can be read.
    fn last_word(&self, end: End) -> SubscriptionError {
        match end {
            End::Damaged { at: position, cause: source } => SubscriptionError::Damaged { position, source },
            End::Closed => SubscriptionError::Closed { position: self.position().unwrap_or_default() },
        }
    }

    fn end(&mut self, error: SubscriptionError) -> Poll<Option<Result<T, SubscriptionError>>> {
        self.stage = Stage::Over;
        self.page = Vec::new().into_iter();
        Poll::Ready(Some(Err(error)))
    }
}

impl Subscription {
    /// Only the events of the aggregate `A`, read as its own: the same as what
    /// [`history`](App::history) answers, for all of its streams. Redacted events are left out.
    ///
    /// `A` takes the place of the categories that the filter asks for; streams and names stay. The stream
    /// ends at an event that `A` does not know.
    pub fn typed<A: Applier>(self) -> Subscription<Recorded<A::Event>> {
        let filter = Filter { categories: vec![A::NAME.to_owned()], ..self.log.filter.clone() };
        let log = Log { store: self.log.store.clone(), filter };
        Subscription::new(log, self.from, fold::decode::<A>)
    }
}

impl<T> Stream for Subscription<T> {
    type Item = Result<T, SubscriptionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        ready!(this.poll_start(context));
        loop {
            match this.take() {
                Some(Err(error)) => return this.end(error),
                Some(event) => return Poll::Ready(Some(event)),
                None => {}
            }
            let Stage::Reading(reading) = &mut this.stage else {
                return match std::mem::replace(&mut this.stage, Stage::Over) {
                    Stage::Ending(end) => Poll::Ready(Some(Err(this.last_word(end)))),
                    _ => Poll::Ready(None),
                };
            };
            this.from = SubscribeFrom::After(this.page_end);
            match ready!(reading.as_mut().poll(context)) {
                Ok(turn) => {
                    this.page_end = turn.page.scanned_to.max(this.page_end);
                    this.page = turn.page.events.into_iter();
                    this.read(turn.next);
                }
                Err(end) => this.stage = Stage::Ending(end),
            }
        }
    }
}

// Nothing in it is pinned: the futures have their own boxes.
impl<T> Unpin for Subscription<T> {}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("filter", &self.log.filter)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::StreamId;
    use crate::store::{Commit, Expected, MemoryStore, NewEvent};
    use std::pin::pin;

    /// What a consumer from another crate asks for, to spawn it and to combine it with other streams.
    async fn first<S: Stream + Send + Unpin + 'static>(stream: S) -> Option<S::Item> {
        let mut stream = pin!(stream);
        poll_fn(|context| stream.as_mut().poll_next(context)).await
    }

    #[tokio::test]
    async fn a_subscription_is_a_stream() {
        let app = App::builder(MemoryStore::new()).build().await.unwrap();
        let first = tokio::spawn(first(app.subscribe(Position(0), Filter::all())));
        let commit = Commit::one(
            StreamId::named("till-1"),
            Expected::NoStream,
            vec![NewEvent {
                id: uuid::Uuid::from_u128(1),
                name: "Sold".into(),
                schema: 1,
                recorded_at: jiff::Timestamp::UNIX_EPOCH,
                payload: "null".into(),
                metadata: "{}".into(),
            }],
        );
        app.store().append(commit).await.unwrap();
        assert_eq!(first.await.unwrap().unwrap().unwrap().name, "Sold");
    }
}
