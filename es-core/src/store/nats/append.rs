//! A commit, decided and sent.
//!
//! What is known of the streams decides first; the server stores the messages only if each stream's last message is
//! still the one that was decided on. A refusal is never answered from what was merely known: the leader is asked
//! again before.

use super::batch::{self, Draft, Unsent};
use super::known::{self, Entry};
use super::message::{self, Head};
use super::server::Server;
use super::wake::Wake;
use super::{fetch, keep};
use crate::id::{ByStream, Position, StreamId};
use crate::store::admit::{Admission, Ledger, admit, id_taken};
use crate::store::{AppendError, Appended, BoxError, Commit, Expected, Fence, ReadError, StreamHead};
use std::collections::{HashMap, HashSet};
use tokio::time::Instant;
use uuid::Uuid;

pub(super) async fn append(server: &Server, wake: &Wake, commit: Commit) -> Result<Appended, AppendError> {
    if commit.inline.is_some() {
        let reason = "this store takes nothing along with a commit".to_owned();
        return Err(AppendError::Invalid { reason });
    }
    let appended = in_turn(server, &commit).await?;
    if !appended.duplicate {
        wake.reached(appended.position).await;
    }
    Ok(appended)
}

/// Those of this process do not stand in each other's way.
async fn in_turn(server: &Server, commit: &Commit) -> Result<Appended, AppendError> {
    let streams = || commit.parts.iter().map(|part| &part.stream);
    let turns = server.turns().take(streams(), server.left()).await;
    let _turns = turns.map_err(|late| AppendError::Unavailable { cause: late.into() })?;
    server.runs().give_way(streams(), server.left()).await;
    Attempt::new(server, commit).run().await
}

/// What came of one try.
enum Outcome {
    Done(Appended),
    /// It is to be decided again: something has changed, or the servers are busy.
    Again(BoxError),
    /// It is to be decided again: another process was faster.
    Behind(BoxError),
}

struct Attempt<'a> {
    server: &'a Server,
    commit: &'a Commit,
    view: View,
    /// Whether the view is of this try, and not what was known before.
    is_fresh: bool,
    /// Whether another process was faster than an earlier try.
    was_behind: bool,
    /// What its messages are known by.
    mark: Uuid,
    doubt: Option<Doubt>,
}

/// Why it is unknown whether an earlier try was stored, and behind which messages it would be.
struct Doubt {
    cause: String,
    lasts: Vec<u64>,
}

impl<'a> Attempt<'a> {
    fn new(server: &'a Server, commit: &'a Commit) -> Self {
        let (view, mark) = (View::default(), Uuid::new_v4());
        Self { server, commit, view, is_fresh: false, was_behind: false, mark, doubt: None }
    }

    async fn run(&mut self) -> Result<Appended, AppendError> {
        let mut tries = self.server.tries();
        loop {
            let (cause, goes_on) = match self.once().await? {
                Outcome::Done(appended) => return Ok(appended),
                Outcome::Again(cause) => (cause, tries.again().await),
                Outcome::Behind(cause) => {
                    self.was_behind = true;
                    (cause, tries.again_behind().await)
                }
            };
            if !goes_on {
                return Err(self.failed(cause));
            }
            // What was known has been refused, or is in doubt.
            self.look().await?;
        }
    }

    async fn once(&mut self) -> Result<Outcome, AppendError> {
        let heads = loop {
            if self.view.streams.is_empty() {
                self.recall().await?;
            }
            match admit(&mut self.view, self.commit) {
                Ok(Admission::New(heads)) => match self.claim_ids() {
                    Ok(()) => break heads,
                    Err(refused) if self.is_fresh => return self.refused(refused),
                    Err(_) => {}
                },
                Ok(Admission::Duplicate(heads)) if self.is_fresh => return self.repeated(heads).await,
                Err(refused) if self.is_fresh => return self.refused(refused),
                Ok(Admission::Duplicate(_)) | Err(_) => {}
            }
            self.look().await?;
        };
        let drafts = self.drafts(&heads)?;
        let begun = Instant::now();
        match batch::send(self.server, drafts).await {
            Ok(sent) if !sent.repeated => {
                for part in &self.commit.parts {
                    self.server.runs().wrote(&part.stream, begun.elapsed(), self.was_behind);
                }
                Ok(Outcome::Done(self.stored(heads, sent.last)))
            }
            Ok(sent) => self.found_at(sent.last).await,
            Err(Unsent::Repeated) => self.found_somewhere().await,
            Err(Unsent::Unknown(cause)) => {
                self.doubt = Some(Doubt { cause: cause.to_string(), lasts: self.lasts() });
                Ok(Outcome::Again(cause))
            }
            Err(Unsent::Refused(cause)) => Err(self.failed(cause.into())),
            Err(Unsent::Unreached(cause)) if self.server.is_closed() => Err(self.failed(cause)),
            Err(moved @ Unsent::Moved) => Ok(Outcome::Behind(moved.into())),
            Err(later @ (Unsent::Busy(_) | Unsent::Unreached(_))) => Ok(Outcome::Again(later.into())),
        }
    }

    /// Takes what is known, unless nothing is of a stream that should be there; asks about the lease.
    async fn recall(&mut self) -> Result<(), AppendError> {
        for part in &self.commit.parts {
            let seen = Seen::of(self.server.known().entry(&part.stream));
            if seen.head.sequence == 0 && !matches!(part.expected, Expected::NoStream | Expected::Exact(0)) {
                return self.look().await;
            }
            self.view.streams.insert(part.stream.clone(), seen);
        }
        self.look_at_the_lease().await
    }

    /// Asks the leader how the streams are now.
    async fn look(&mut self) -> Result<(), AppendError> {
        for part in &self.commit.parts {
            let entry =
                known::current(self.server, &part.stream).await.map_err(|error| self.unread(error))?;
            self.view.streams.insert(part.stream.clone(), Seen::of(entry));
        }
        self.look_at_the_lease().await?;
        self.is_fresh = true;
        Ok(())
    }

    async fn look_at_the_lease(&mut self) -> Result<(), AppendError> {
        if let Some(Fence { processor, epoch }) = &self.commit.fence {
            let holds = keep::processors::holds(self.server, processor, *epoch).await;
            self.view.is_fenced = !holds.map_err(|error| self.unread(error))?;
        }
        Ok(())
    }

    /// Makes sure that no other id than the first of a part is stored, as far as that is known, or there twice.
    fn claim_ids(&self) -> Result<(), AppendError> {
        let mut claimed = HashSet::new();
        for part in &self.commit.parts {
            let seen = self.view.streams.get(&part.stream);
            for event in &part.events {
                if seen.is_some_and(|seen| seen.has(event.id)) || !claimed.insert(event.id) {
                    return Err(id_taken(event.id));
                }
            }
        }
        Ok(())
    }

    fn drafts(&self, heads: &[StreamHead]) -> Result<Vec<Draft>, AppendError> {
        let mut drafts = Vec::new();
        for (part, head) in self.commit.parts.iter().zip(heads) {
            let subject = self.server.names().stream(&part.stream);
            let mut head = *head;
            for (index, event) in part.events.iter().enumerate() {
                head.version += 1;
                let draft = message::event(&subject, event, head)?;
                let draft = if index == 0 { draft.expect_last(self.view.last(&part.stream)) } else { draft };
                let draft = if drafts.is_empty() { message::marked(draft, self.mark) } else { draft };
                self.server.check_size(&draft)?;
                drafts.push(draft);
            }
        }
        Ok(drafts)
    }

    /// The commit is stored, up to this sequence: what is known goes on with it.
    fn stored(&self, mut heads: Vec<StreamHead>, last: u64) -> Appended {
        self.server.log().reached(last);
        let count = self.commit.parts.iter().map(|part| part.events.len() as u64).sum::<u64>();
        let mut sequence = last.saturating_sub(count);
        for (part, head) in self.commit.parts.iter().zip(&mut heads) {
            let Seen { entry, head: before } =
                self.view.streams.get(&part.stream).cloned().unwrap_or_default();
            let mut known = entry.lock();
            // Somebody else may have read on meanwhile.
            let follows = known.head == before;
            for event in &part.events {
                (sequence, head.version) = (sequence + 1, head.version + 1);
                if follows {
                    known.push(event.id, Head { sequence, stream: *head, recorded_at: event.recorded_at });
                }
            }
            drop(known);
            self.server.known().keep(&part.stream, entry);
        }
        Appended { duplicate: false, heads, position: Position(last) }
    }

    /// The refusal holds for an earlier try, too, which may still be on its way, if a stream has gone on since that
    /// was sent.
    fn refused(&self, refusal: AppendError) -> Result<Outcome, AppendError> {
        match &self.doubt {
            Some(doubt) if doubt.lasts == self.lasts() => Ok(Outcome::Again(refusal.into())),
            _ => Err(refusal),
        }
    }

    async fn repeated(&self, heads: Vec<StreamHead>) -> Result<Outcome, AppendError> {
        if let Some(ours) = self.ours().await.map_err(|error| self.unread(error))? {
            return Ok(Outcome::Done(ours));
        }
        let position = fetch::whole_end(self.server).await.map_err(|error| self.unread(error))?;
        Ok(Outcome::Done(Appended { duplicate: true, heads, position }))
    }

    /// What there is to answer if it is this very call by which the commit is stored: an earlier try, of which the
    /// answer was lost.
    async fn ours(&self) -> Result<Option<Appended>, ReadError> {
        let first = self.commit.parts.first().and_then(|part| Some((&part.stream, part.events.first()?.id)));
        let Some((stream, id)) = first else { return Ok(None) };
        let entry = self.view.streams.get(stream).map(|seen| seen.entry.clone()).unwrap_or_default();
        let Some(start) = entry.lock().position(id) else { return Ok(None) };
        if !fetch::there(self.server, start).await?.is_marked(self.mark) {
            return Ok(None);
        }
        let (mut heads, mut next) = (Vec::with_capacity(self.commit.parts.len()), start);
        for part in &self.commit.parts {
            next += part.events.len() as u64;
            heads.push(fetch::there(self.server, next - 1).await?.head()?.stream);
        }
        Ok(Some(Appended { duplicate: false, heads, position: Position(next - 1) }))
    }

    /// The only event's id is stored, at this sequence.
    async fn found_at(&mut self, sequence: u64) -> Result<Outcome, AppendError> {
        let found = fetch::at(self.server, sequence).await.map_err(|error| self.unread(error))?;
        // Whoever has answered may be behind.
        let Some(found) = found else { return Ok(Outcome::Again("an event id is stored".into())) };
        let stream = self.server.names().stream_of(&found.subject);
        for part in &self.commit.parts {
            if stream.as_ref() != Some(&part.stream) {
                self.view.elsewhere.extend(part.events.iter().map(|event| event.id));
            }
        }
        Ok(Outcome::Again("an event id is stored".into()))
    }

    /// One of several ids is stored. Where, the server does not say: unless a stream has it, it is another's.
    async fn found_somewhere(&mut self) -> Result<Outcome, AppendError> {
        let before: Vec<_> = self.lasts();
        self.look().await?;
        if self.lasts() == before {
            let reason = "one of its event ids is already in use".to_owned();
            return self.refused(AppendError::Invalid { reason });
        }
        Ok(Outcome::Again("an event id is stored".into()))
    }

    fn lasts(&self) -> Vec<u64> {
        self.commit.parts.iter().map(|part| self.view.last(&part.stream)).collect()
    }

    fn unread(&self, error: ReadError) -> AppendError {
        match error {
            ReadError::Unavailable(cause) => self.failed(cause),
            damaged @ ReadError::Corrupt { .. } => self.failed(damaged.into()),
        }
    }

    fn failed(&self, cause: BoxError) -> AppendError {
        match &self.doubt {
            Some(doubt) => AppendError::Ambiguous { cause: doubt.cause.clone().into() },
            None => AppendError::Unavailable { cause },
        }
    }
}

/// A stream as it was when it was looked at. What is known of it goes on without regard to that.
#[derive(Clone, Default)]
struct Seen {
    entry: Entry,
    head: Head,
}

impl Seen {
    fn of(entry: Entry) -> Self {
        let head = entry.lock().head;
        Self { entry, head }
    }

    /// Whether it had an event with this id.
    fn has(&self, id: Uuid) -> bool {
        self.entry.lock().position(id).is_some_and(|sequence| sequence <= self.head.sequence)
    }
}

/// The streams of a commit, as far as they are known.
#[derive(Default)]
struct View {
    streams: HashMap<StreamId, Seen, ByStream>,
    /// Ids that are stored on other streams.
    elsewhere: HashSet<Uuid>,
    is_fenced: bool,
}

impl View {
    fn last(&self, stream: &StreamId) -> u64 {
        self.streams.get(stream).map_or(0, |seen| seen.head.sequence)
    }
}

impl Ledger for View {
    type Error = AppendError;

    fn holds(&mut self, id: Uuid, stream: &StreamId) -> Result<Option<bool>, AppendError> {
        let is_here = self.streams.get(stream).is_some_and(|seen| seen.has(id));
        Ok(if is_here { Some(true) } else { self.elsewhere.contains(&id).then_some(false) })
    }

    fn head(&mut self, stream: &StreamId) -> Result<StreamHead, AppendError> {
        Ok(self.streams.get(stream).map(|seen| seen.head.stream).unwrap_or_default())
    }

    fn allows(&mut self, _fence: &Fence) -> Result<bool, AppendError> {
        Ok(!self.is_fenced)
    }
}
