//! What follows the books of the library: reminders, mails, counts.
use crate::model::*;
use es_core::__private::{Document, DocumentMethod, Key, Projected, Projection, Takes, message, read_event};
use es_core::TimestampExt;
use es_core::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Reminds a reader, and at the third time asks for the book at once.
#[reactor(key = BookId)]
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

/// What `#[projection]` says of a type, and its methods.
macro_rules! document {
    ($name:ident, $stored:literal, $key:ty, [$($method:expr),*]) => {
        impl Projection for $name {
            const NAME: &'static str = $stored;
            const VERSION: u32 = 1;
            type Key = $key;
            const INLINE: bool = false;
            const FINGERPRINT: u64 = 1;
        }
        impl Document for $name {
            const METHODS: &'static [DocumentMethod<Self>] = &[$($method),*];
        }
    };
}
macro_rules! projects {
    ($name:ident: $event:ty, $keys:expr, |$change:ident| $body:expr) => {
        DocumentMethod {
            name: stringify!($name),
            takes: Takes::event::<$event>(),
            read: read_event::<$event>,
            keys: $keys,
            apply: |$change| Projected::settle($body),
        }
    };
}

/// How often a book was lent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Loans {
    pub title: String,
    pub loans: u32,
}
document!(
    Loans,
    "loans",
    BookId,
    [
        projects!(bought: Bought, |_, event| Ok(vec![Key::of(&event.envelope)?]), |change| {
            let Bought { title, .. } = message(change.message);
            change.document.get_or_insert_default().title.clone_from(title);
        }),
        projects!(lent: Lent, |_, event| Ok(vec![Key::of(&event.envelope)?]), |change| {
            change.document.get_or_insert_default().loans += 1;
        }),
        projects!(returned: Returned, |_, event| Ok(vec![Key::of(&event.envelope)?]), |change| {
            let loans = change.document.as_ref().map_or(0, |document| document.loans);
            if loans == 0 { Err(NoPost("a book that nobody has".to_owned())) } else { Ok(()) }
        }),
        projects!(discarded: Discarded, |_, event| Ok(vec![Key::of(&event.envelope)?]), |change| {
            drop(change.document.take());
        })
    ]
);

/// Who lent when, with a count that serde does not keep.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Forgetful {
    pub loans: u32,
    #[serde(skip)]
    unseen: u32,
}
document!(
    Forgetful,
    "forgetful",
    String,
    [projects!(lent: Lent, |lent, _| Ok(vec![message::<Lent>(lent).reader.clone()]), |change| {
        let document = change.document.get_or_insert_default();
        document.unseen += 1;
        document.loans = document.unseen;
    })]
);

/// Counts what was counted in other runs, too.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Restless {
    pub count: u32,
}
document!(
    Restless,
    "restless",
    (),
    [projects!(bought: Bought, |_, _| Ok(vec![()]), |change| {
        change.document.get_or_insert_default().count = ASKED.fetch_add(1, Ordering::SeqCst);
    })]
);

/// Who has a book on a day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Days {
    pub readers: Vec<String>,
    pub lent_by: Option<String>,
}
document!(
    Days,
    "days",
    Date,
    [projects!(lent: Lent, |lent, event| {
        let days = std::iter::successors(Some(event.envelope.recorded_at.date()), |day| day.tomorrow().ok());
        Ok(days.take(message::<Lent>(lent).days as usize).collect())
    }, |change| {
        let Lent { reader, .. } = message(change.message);
        let document = change.document.get_or_insert_default();
        document.readers.push(reader.clone());
        document.lent_by.clone_from(&change.event.envelope.metadata.actor);
    })]
);
