//! A library: books are lent to readers.
use es_core::prelude::*;

#[aggregate_id]
pub struct BookId(pub String);

#[value]
pub struct Shelf {
    pub room: u8,
    pub signs: Vec<String>,
}

#[event]
pub struct Bought {
    pub title: String,
    pub shelf: Shelf,
}
#[event(name = "book.lent", version = 2, from = LentV1)]
pub struct Lent {
    pub reader: String,
    pub days: u32,
}
#[event(name = "book.lent", version = 1)]
pub struct LentV1 {
    pub reader: String,
}
impl From<LentV1> for Lent {
    fn from(old: LentV1) -> Self {
        Lent { reader: old.reader, days: 14 }
    }
}
#[event]
pub struct Returned;
#[event]
pub struct Discarded;
#[event]
pub struct ReaderJoined;

#[command(Book)]
pub struct Buy {
    #[id]
    pub book: BookId,
    pub title: String,
}
#[command(Book)]
pub struct Lend {
    #[id]
    pub book: BookId,
    pub reader: String,
    pub days: u32,
}
#[command(Book)]
pub struct LendForLong {
    #[id]
    pub book: BookId,
}
#[command(Book)]
pub struct Return {
    #[id]
    pub book: BookId,
}
#[command(Book)]
pub struct Discard {
    #[id]
    pub book: BookId,
}
#[command(Book)]
pub struct Remind {
    #[id]
    pub book: BookId,
}
#[command(Book)]
pub struct Once {
    #[id]
    pub book: BookId,
}
#[command(Reader)]
pub struct Join {
    #[id]
    pub reader: String,
}
/// Answers which book has been lent longest, by asking another aggregate's history.
#[command(Reader)]
pub struct Greet {
    #[id]
    pub reader: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum BookError {
    #[error("lent to {reader}")]
    Lent { reader: String, since: Timestamp },
    #[error("not lent")]
    NotLent,
    #[error("no days")]
    NoDays,
    #[error("too long: {days}")]
    TooLong { days: u32 },
}

pub trait Post: Send + Sync {
    fn send(&self, to: &str) -> u32;
}
pub trait Unused: Send + Sync {}

#[aggregate(id = BookId, snapshot(every = 2, version = 1))]
pub struct Book {
    pub title: String,
    pub lent: Option<(String, u32, Timestamp)>,
    pub bought_by: Option<String>,
    pub channel: Option<String>,
}

#[applier]
impl Book {
    fn bought(e: &Bought, env: &Envelope) -> Self {
        Book {
            title: e.title.clone(),
            lent: None,
            bought_by: env.metadata.actor.clone(),
            channel: env.metadata.get("channel"),
        }
    }
    fn lent(&mut self, e: &Lent, env: &Envelope) {
        self.lent = Some((e.reader.clone(), e.days, env.recorded_at));
    }
    fn returned(&mut self, _: &Returned) {
        self.lent = None;
    }
    fn discarded(self, _: &Discarded) {}

    #[invariant]
    fn never_for_long(&self) -> Result<(), BookError> {
        match self.lent {
            Some((_, days, _)) if days > 100 => Err(BookError::TooLong { days }),
            _ => Ok(()),
        }
    }
}

#[command_handler]
impl Book {
    #[validate]
    fn some_days(command: &Lend) -> Result<(), BookError> {
        if command.days == 0 { Err(BookError::NoDays) } else { Ok(()) }
    }
    fn buy(command: Buy) -> Bought {
        Bought { title: command.title, shelf: shelf(1) }
    }
    fn lend(&self, command: Lend, cx: &Context<Self>) -> Result<Reply<Lent, Timestamp>, BookError> {
        if let Some((reader, _, since)) = &self.lent {
            return Err(BookError::Lent { reader: reader.clone(), since: *since });
        }
        Ok(Reply::new(Lent { reader: command.reader, days: command.days }, cx.now()))
    }
    fn lend_for_long(&self, _: LendForLong) -> Result<Lent, BookError> {
        Ok(Lent { reader: "Methuselah".into(), days: 969 })
    }
    fn give_back(&self, _: Return) -> Option<Returned> {
        self.lent.is_some().then_some(Returned)
    }
    fn discard(&self, _: Discard) -> (Option<Returned>, Discarded) {
        (self.lent.is_some().then_some(Returned), Discarded)
    }
    #[retry(max = 0)]
    async fn remind(&self, _: Remind, post: &dyn Post) -> Result<Reply<(), u32>, BookError> {
        match &self.lent {
            Some((reader, ..)) => Ok(Reply::new((), post.send(reader))),
            None => Err(BookError::NotLent),
        }
    }
    #[retry(max = 0)]
    fn once(&self, _: Once) -> Lent {
        Lent { reader: "once".into(), days: 1 }
    }
}

#[aggregate(id = String)]
pub struct Reader {}

#[applier]
impl Reader {
    fn joined(_: &ReaderJoined) -> Self {
        Reader {}
    }
}

#[command_handler]
impl Reader {
    fn join(_: Join) -> ReaderJoined {
        ReaderJoined
    }
    #[retry(max = 0)]
    async fn greet(&self, _: Greet, _unused: &dyn Unused) {}
}

pub fn shelf(room: u8) -> Shelf {
    Shelf { room, signs: vec!["novels".into(), "new".into()] }
}
pub fn emma() -> BookId {
    BookId("emma".into())
}
pub fn bought() -> Bought {
    Bought { title: "Emma".into(), shelf: shelf(1) }
}
pub fn lent(reader: &str) -> Lent {
    Lent { reader: reader.into(), days: 14 }
}
pub fn buy() -> Buy {
    Buy { book: emma(), title: "Emma".into() }
}
pub fn lend(reader: &str) -> Lend {
    Lend { book: emma(), reader: reader.into(), days: 14 }
}
