//! What follows the books of the library: reminders, mails, counts. Written as the attributes would.
use crate::model::*;
use es_core::__private::*;
use es_core::TimestampExt;
use es_core::prelude::{CancelTimer, CommandError, Date, Timer};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A method: its name, what it takes, and what it does with its call.
macro_rules! method {
    ($record:ident { $($more:tt)* } $name:ident: $event:ty, $key:expr, $does:ident = |$call:ident| $body:expr) => {
        $record {
            name: stringify!($name),
            takes: Takes::event::<$event>(),
            read: read_event::<$event>,
            keys: $key,
            $does: |$call| $body,
            $($more)*
        }
    };
}
macro_rules! reacts {
    ($name:ident: $event:ty, |$call:ident| $body:expr) => {
        method!(ReactorMethod {
            issues: |_| true,
            services: |_| (),
            execute: None,
        } $name: $event, |_, event| Ok(vec![Key::of(&event.envelope)?]), run = |$call| Box::pin(std::future::ready(Reaction::settle($body))))
    };
}

/// Reminds a reader, and at the third time asks for the book at once.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Reminder {
    pub times: u32,
    pub reader: String,
}
impl Reminder {
    fn lent(&mut self, e: &Lent, book: &BookId) -> (Timer<Remind>, Option<Return>) {
        self.times += 1;
        self.reader.clone_from(&e.reader);
        let remind = Timer::after(DAY * e.days, Remind { book: book.clone() });
        (remind.named("due"), (self.times > 2).then(|| Return { book: book.clone() }))
    }
    fn returned(&mut self) -> CancelTimer {
        CancelTimer("due")
    }
    fn refused(&mut self, refused: &Refused<Remind>) -> Option<Return> {
        let book = refused.command.book.clone();
        matches!(refused.error, CommandError::Rejected(BookError::NoDays)).then_some(Return { book })
    }
}
impl Surrounded for Reminder {
    type Around = Delivery;
}
impl Reactor for Reminder {
    const NAME: &'static str = "reminder";
    const VERSION: u32 = 1;
    type Key = BookId;
    const SPEC: ReactorSpec<Self> = ReactorSpec {
        from: From::Now,
        retry: RetryPolicy::DEFAULT,
        on_failure: OnFailure::Park,
        inline: false,
        state: Some(StateCodec {
            encode: |state| serde_json::to_vec(state),
            decode: |bytes| serde_json::from_slice(bytes),
        }),
        fingerprint: 1,
    };
}
impl React for Reminder {
    const METHODS: &'static [ReactorMethod<Self>] = &[
        reacts!(lent: Lent, |call| call.state.get_or_insert_default().lent(message(call.message), call.key)),
        reacts!(returned: Returned, |call| call.state.get_or_insert_default().returned()),
        reacts!(discarded: Discarded, |call| drop(call.state.take())),
        ReactorMethod {
            takes: Takes::Refused { command: "Remind" },
            execute: Some(execute_refusable::<Remind>),
            ..reacts!(refused: Lent, |call| call.state.get_or_insert_default().refused(message(call.message)))
        },
    ];
}

/// What the post does not carry.
#[derive(Debug, thiserror::Error)]
#[error("no post for {0}")]
pub struct NoPost(String);

/// Writes to whoever lends a book.
#[derive(Debug, Default)]
pub struct LentMail;
impl Surrounded for LentMail {
    type Around = Delivery;
}
impl Reactor for LentMail {
    const NAME: &'static str = "lent_mail";
    const VERSION: u32 = 1;
    type Key = StreamId;
    const SPEC: ReactorSpec<Self> = ReactorSpec {
        from: From::Now,
        retry: RetryPolicy::DEFAULT.max(2),
        on_failure: OnFailure::Park,
        inline: false,
        state: None,
        fingerprint: 2,
    };
}
impl LentMail {
    fn lent(&self, e: &Lent, cx: &Context<Self>, post: &dyn Post) -> Result<(), NoPost> {
        assert_ne!(e.reader, "nobody", "nobody lends a book");
        let id: uuid::Uuid = cx.new_id();
        match post.send(&format!("{} {id} {}", e.reader, cx.attempt())) {
            0 => Err(NoPost(e.reader.clone())),
            _ => Ok(()),
        }
    }
}
impl React for LentMail {
    const METHODS: &'static [ReactorMethod<Self>] = &[ReactorMethod {
        services: |needs| needs.push(ServiceNeed::of::<dyn Post>("dyn Post")),
        ..reacts!(lent: Lent, |call| LentMail.lent(message(call.message), call.context, call.services.get::<dyn Post>()))
    }];
}

/// Gives each book a number that depends on how often it was asked.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Numbers {
    number: u32,
}
pub static ASKED: AtomicU32 = AtomicU32::new(0);
impl Surrounded for Numbers {
    type Around = Delivery;
}
impl Reactor for Numbers {
    const NAME: &'static str = "numbers";
    const VERSION: u32 = 1;
    type Key = ();
    const SPEC: ReactorSpec<Self> = ReactorSpec {
        from: From::Start,
        retry: RetryPolicy::DEFAULT.max(0),
        on_failure: OnFailure::Skip,
        inline: false,
        state: Some(StateCodec {
            encode: |state| serde_json::to_vec(state),
            decode: |bytes| serde_json::from_slice(bytes),
        }),
        fingerprint: 3,
    };
}
impl React for Numbers {
    const METHODS: &'static [ReactorMethod<Self>] = &[
        reacts!(bought: Bought, |call| {
            call.state.get_or_insert_default().number = ASKED.fetch_add(1, Ordering::SeqCst);
        }),
        reacts!(returned: Returned, |_call| Err::<(), _>(NoPost("anybody".to_owned()))),
    ];
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
    ($name:ident: $event:ty, $key:expr, |$change:ident| $body:expr) => {
        method!(DocumentMethod {} $name: $event, $key, apply = |$change| Projected::settle($body))
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
