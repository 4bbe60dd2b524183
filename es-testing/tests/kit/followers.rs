//! What follows the books of the library: reminders, mails, counts.
use crate::model::*;
use es_core::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// Reminds a reader, and at the third time asks for the book at once.
#[reactor(key = BookId, from = start)]
pub struct Reminder {
    pub times: u32,
    pub reader: String,
}
#[reactor]
impl Reminder {
    fn lent(&mut self, e: &Lent, book: &BookId) -> (Timer<Remind>, Option<Return>) {
        self.times += 1;
        self.reader.clone_from(&e.reader);
        let remind = Timer::after(DAY * e.days, Remind { book: book.clone() });
        (remind.named("due"), (self.times > 2).then(|| Return { book: book.clone() }))
    }
    fn returned(&mut self, _: &Returned) -> CancelTimer {
        CancelTimer("due")
    }
    fn refused(&mut self, refused: &Refused<Remind>) -> Option<Return> {
        let book = refused.command.book.clone();
        matches!(refused.error, CommandError::Rejected(BookError::NoDays)).then_some(Return { book })
    }
    fn discarded(self, _: &Discarded) {}
}

/// Reminds those who lend a book from now on.
#[reactor(key = BookId)]
pub struct LateReminder {
    pub times: u32,
}
#[reactor]
impl LateReminder {
    fn lent(&mut self, e: &Lent, book: &BookId) -> (Timer<Remind>, Option<Return>) {
        self.times += 1;
        let remind = Timer::after(DAY * e.days, Remind { book: book.clone() });
        (remind.named("due"), (self.times > 2).then(|| Return { book: book.clone() }))
    }
    fn refused(&mut self, refused: &Refused<Return>) -> Remind {
        Remind { book: refused.command.book.clone() }
    }
}

/// What the post does not carry.
#[derive(Debug, thiserror::Error)]
#[error("no post for {0}")]
pub struct NoPost(String);

/// Writes to whoever lends a book.
#[reactor(retry(max = 2))]
pub struct LentMail;
#[reactor]
impl LentMail {
    async fn lent(&self, e: &Lent, cx: &Context<Self>, post: &dyn Post) -> Result<(), NoPost> {
        assert_ne!(e.reader, "nobody", "nobody lends a book");
        let id: Uuid = cx.new_id();
        match post.send(&format!("{} {id} {}", e.reader, cx.attempt())) {
            0 => Err(NoPost(e.reader.clone())),
            _ => Ok(()),
        }
    }
}

/// Says how often a book was lent, as far as the app knows.
#[reactor]
pub struct Chronicle;
#[reactor]
impl Chronicle {
    async fn returned(&self, _: &Returned, book: &BookId, app: &App, env: &Envelope) -> Option<Buy> {
        let before = app.load_as_of::<Book>(book, AsOf::Version(env.version - 1)).await.ok()??;
        let (reader, ..) = before.lent.as_ref()?;
        Some(Buy { book: book.clone(), title: format!("another one for {reader}") })
    }
}

/// Gives each book a number that depends on how often it was asked.
#[reactor(key = (), retry(max = 0), on_failure = skip)]
pub struct Numbers {
    number: u32,
}
pub static ASKED: AtomicU32 = AtomicU32::new(0);
#[reactor]
impl Numbers {
    fn bought(&mut self, _: &Bought) {
        self.number = ASKED.fetch_add(1, Ordering::SeqCst);
    }
    fn returned(&mut self, _: &Returned) -> Result<(), NoPost> {
        Err(NoPost("anybody".to_owned()))
    }
}

/// How often a book was lent.
#[projection(key = BookId)]
pub struct Loans {
    pub title: String,
    pub loans: u32,
}
#[projection]
impl Loans {
    fn bought(&mut self, e: &Bought) {
        self.title.clone_from(&e.title);
    }
    fn lent(&mut self, _: &Lent) {
        self.loans += 1;
    }
    fn returned(&mut self, _: &Returned) -> Result<(), NoPost> {
        if self.loans == 0 { Err(NoPost("a book that nobody has".to_owned())) } else { Ok(()) }
    }
    fn discarded(self, _: &Discarded) {}
}

/// How often a reader has lent something, by a count that serde does not keep.
#[projection(key = String)]
pub struct Forgetful {
    pub last: String,
    pub loans: u32,
    #[serde(skip)]
    unseen: u32,
}
#[projection]
impl Forgetful {
    #[key(e.reader.clone())]
    fn lent(&mut self, e: &Lent) {
        self.last.clone_from(&e.reader);
        self.unseen += 1;
        self.loans = self.unseen;
    }
}

/// Counts what was counted in other runs, too.
#[projection(key = ())]
pub struct Restless {
    pub count: u32,
}
#[projection]
impl Restless {
    fn bought(&mut self, _: &Bought) {
        self.count = ASKED.fetch_add(1, Ordering::SeqCst);
    }
}

/// Who has a book on a day.
#[projection(key = Date)]
pub struct Days {
    pub readers: Vec<String>,
    pub lent_by: Option<String>,
}
#[projection]
impl Days {
    #[key(days(env.recorded_at.date(), e.days))]
    fn lent(&mut self, e: &Lent, env: &Envelope) {
        self.readers.push(e.reader.clone());
        self.lent_by.clone_from(&env.metadata.actor);
    }
}

fn days(first: Date, count: u32) -> Vec<Date> {
    std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(count as usize).collect()
}
