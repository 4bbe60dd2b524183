//! What happens from outside: the commands of clients, and the time between them.

use es_core::{App, BoxFuture, Command, CommandId, Handle};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The commands that come from outside, by one or several clients.
///
/// A client sends its commands in order, each when the one before has been answered. It waits as long as it
/// likes in between, and one whose process ended without an answer is sent again under the same id, as clients
/// have to. A refusal is an answer.
///
/// ```
/// use es_core::prelude::*;
/// use es_testing::prelude::*;
/// use std::time::Duration;
///
/// # #[event] pub struct Counted {}
/// # #[command(Counter)] pub struct Count { #[id] pub counter: u32 }
/// # #[aggregate(id = u32, default)] #[derive(Default)] pub struct Counter { count: u32 }
/// # #[applier] impl Counter { fn counted(&mut self, _: &Counted) { self.count += 1 } }
/// # #[command_handler] impl Counter { fn count(&self, _: Count) -> Counted { Counted {} } }
/// let story = Story::new()
///     .given(Count { counter: 1 })
///     .command(Count { counter: 1 })
///     .client(|other| other.command(Count { counter: 1 }).command(Count { counter: 2 }))
///     .time_passes(Duration::from_secs(60))
///     .command(Count { counter: 2 });
/// ```
#[must_use = "a story is told by `explore`"]
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub(super) given: Vec<Deed>,
    pub(super) main: Client,
    /// With the number of the main client's items that come before theirs.
    pub(super) others: Vec<(usize, Client)>,
}

/// A client of a [`Story`]: its commands, in order.
#[must_use = "a client belongs to a story"]
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub(super) items: Vec<Item>,
}

/// What a client does next.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Command(Deed),
    Wait(Duration),
}

/// A command without its type.
#[derive(Clone)]
pub(super) struct Deed {
    /// As a report shows it.
    pub shown: Arc<str>,
    send: Arc<dyn Fn(App, CommandId) -> BoxFuture<'static, Answer> + Send + Sync>,
}

/// What a command was refused with, if it was.
pub(super) type Answer = Result<(), String>;

impl Story {
    /// Nothing happens yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has been carried out before the story begins, in order, with everything that follows from it. Nothing
    /// goes wrong there, and nothing comes in another order.
    pub fn given<C>(mut self, command: C) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.given.push(Deed::of(command));
        self
    }

    /// Sends a command.
    pub fn command<C>(mut self, command: C) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.main = self.main.command(command);
        self
    }

    /// Waits for this long before the next command. What is due meanwhile happens meanwhile.
    pub fn time_passes(mut self, time: Duration) -> Self {
        self.main = self.main.time_passes(time);
        self
    }

    /// Another client, which begins when what stands before it in the story has been answered, and acts at the
    /// same time as what stands behind it.
    pub fn client(mut self, commands: impl FnOnce(Client) -> Client) -> Self {
        self.others.push((self.main.items.len(), commands(Client::default())));
        self
    }

    /// All clients, each with the number of the first one's items that come before its own.
    pub(super) fn clients(&self) -> impl Iterator<Item = (usize, &Client)> {
        std::iter::once((0, &self.main)).chain(self.others.iter().map(|(after, client)| (*after, client)))
    }
}

impl Client {
    /// Sends a command.
    pub fn command<C>(mut self, command: C) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.items.push(Item::Command(Deed::of(command)));
        self
    }

    /// Waits for this long before the next command.
    pub fn time_passes(mut self, time: Duration) -> Self {
        self.items.push(Item::Wait(time));
        self
    }
}

impl Deed {
    fn of<C>(command: C) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let shown = format!("{command:?}").into();
        let send = move |app: App, id: CommandId| -> BoxFuture<'static, Answer> {
            let executing = app.execute(command.clone()).id(id);
            Box::pin(async move { executing.await.map(drop).map_err(|error| error.to_string()) })
        };
        Self { shown, send: Arc::new(send) }
    }

    /// Carries it out under this id.
    pub fn send(&self, app: App, id: CommandId) -> BoxFuture<'static, Answer> {
        (self.send)(app, id)
    }
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
