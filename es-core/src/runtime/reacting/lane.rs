//! A lane: what one key has to do, one after the other.

use super::desk::Desk;
use super::document::{Cell, Document};
use super::methods::Delivered;
use super::park::{Row, RowState, Sequence};
use super::turn::Trouble;
use crate::id::Position;
use crate::reactor::OnFailure;
use crate::runtime::Halt;
use crate::store::DocumentWrite;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::Instrument;

/// The most that a key makes up for at once: other keys wait for that, and so does whoever stops.
const SLICE: usize = 100;

/// One thing to do.
pub(super) enum Work {
    /// Commands that were left when a holder before this one went.
    Resume,
    /// What was set aside, from the first on.
    Replay,
    /// Passing over the first of what was set aside. What is written with that: the decision is gone.
    Skip(DocumentWrite),
    /// Timers that are due at this time.
    Timers(Timestamp),
    /// An event.
    Event(Delivered),
}

/// What one key has to do.
pub(super) struct Lane {
    pub key: String,
    pub sequence: Sequence,
    pub works: Vec<Work>,
}

/// What has become of a lane.
pub(super) struct Ran {
    pub key: String,
    pub sequence: Sequence,
    /// When its next timer is due.
    pub due: Option<Timestamp>,
    /// Revision and position of its document, if nothing would be lost with it.
    pub empty: Option<(u64, Position)>,
    pub halt: Option<Halt>,
}

impl Lane {
    /// Does all of it, or as much as can be done.
    pub async fn run(self, desk: Desk) -> Ran {
        let Self { key, sequence, works } = self;
        let mut cell = match Cell::load(&desk, &key).await {
            Ok(cell) => cell,
            Err(halt) => return Ran { key, sequence, due: None, empty: None, halt: Some(halt) },
        };
        let mut keeper = Keeper { desk: &desk, sequence, writes: Vec::new() };
        let mut halt = None;
        for work in works {
            if let Err(halted) = keeper.go(&mut cell, work).await {
                halt = Some(halted);
                break;
            }
        }
        // What was set aside is written before the checkpoint passes it; the checkpoint waits for lanes.
        let written = desk.write(std::mem::take(&mut keeper.writes)).await;
        let halt = halt.or(written.err());
        let document = &cell.document;
        let due = document.due();
        Ran { key, due, empty: desk.deletable(&cell), sequence: keeper.sequence, halt }
    }
}

/// Where a lane is.
struct Keeper<'a> {
    desk: &'a Desk,
    sequence: Sequence,
    writes: Vec<DocumentWrite>,
}

impl Keeper<'_> {
    async fn go(&mut self, cell: &mut Cell, work: Work) -> Result<(), Halt> {
        match work {
            Work::Replay => self.replay(cell).await,
            Work::Skip(decided) => self.skip_first(cell, decided).await,
            Work::Event(delivered) if self.desk.inline => self.look(cell, &delivered).await,
            Work::Event(delivered) => self.event(cell, &delivered).await,
            // Timers stand in their key's lane behind what is set aside.
            Work::Resume | Work::Timers(_) if !self.sequence.is_empty() => Ok(()),
            Work::Resume => self.timers(cell, Timestamp::MIN, true).await,
            Work::Timers(until) => self.timers(cell, until, true).await,
        }
    }

    async fn timers(&mut self, cell: &mut Cell, until: Timestamp, inclusive: bool) -> Result<(), Halt> {
        let done = self.desk.fire(cell, until, inclusive).await;
        let first = cell.document.pending.first();
        let name = first.map(|pending| pending.timer.as_deref().unwrap_or(&pending.name).to_owned());
        let row = Row::waiting(&cell.key, cell.document.position, &name.unwrap_or_default());
        self.settle(cell, row, done).await
    }

    /// At a key whose event was met by its own commit: what that has left to do is done.
    async fn look(&mut self, cell: &mut Cell, delivered: &Delivered) -> Result<(), Halt> {
        if delivered.event.position <= self.desk.silent_until {
            self.desk.fold(cell, delivered).await
        } else if self.sequence.is_empty() {
            self.timers(cell, Timestamp::MIN, false).await
        } else {
            Ok(())
        }
    }

    async fn event(&mut self, cell: &mut Cell, delivered: &Delivered) -> Result<(), Halt> {
        let event = &delivered.event;
        if cell.document.due().is_some_and(|due| due < event.envelope.recorded_at) && self.sequence.is_empty()
        {
            self.timers(cell, event.envelope.recorded_at, false).await?;
        }
        let row = Row::waiting(&cell.key, event.position, &event.name);
        if self.sequence.is_before(event.position) {
            return self.join(row);
        }
        // What stands before something that was set aside was done before that was.
        if self.sequence.rows.last_key_value().is_some_and(|(last, _)| *last >= event.position) {
            return Ok(());
        }
        if self.desk.was_skipped(&row) {
            return Ok(());
        }
        let done = self.deliver(cell, delivered, 1).await;
        self.settle(cell, row, done).await
    }

    async fn deliver(&self, cell: &mut Cell, delivered: &Delivered, attempt: u32) -> Result<(), Trouble> {
        let (event, position) = (&*delivered.event.name, delivered.event.position.0);
        let span = tracing::info_span!("delivery", reactor = self.desk.name, event, position, attempt);
        self.desk.deliver(cell, delivered, attempt).instrument(span).await
    }

    /// Behind what has failed before.
    fn join(&mut self, row: Row) -> Result<(), Halt> {
        if !self.sequence.rows.contains_key(&row.position) {
            self.note(row.put(&self.desk.names)?);
            self.sequence.rows.insert(row.position, row);
        }
        Ok(())
    }

    /// Tries what is set aside, in order, until one fails again. A long sequence stays due, and goes on when
    /// others have had their turn.
    async fn replay(&mut self, cell: &mut Cell) -> Result<(), Halt> {
        for _ in 0..SLICE {
            if !self.sequence.is_due() {
                return Ok(());
            }
            let Some(row) = self.sequence.first().cloned() else { return Ok(()) };
            let done = match self.desk.delivered(row.position, &row.key).await? {
                Some(delivered) => {
                    let event = &delivered.event;
                    if event.position > cell.document.position
                        && cell.document.due().is_some_and(|due| due < event.envelope.recorded_at)
                    {
                        self.timers(cell, event.envelope.recorded_at, false).await?;
                        continue;
                    }
                    self.deliver(cell, &delivered, row.attempts + 1).await
                }
                // A timer whose event is not for this key any more.
                None => self.desk.fire(cell, Timestamp::MIN, false).await,
            };
            let settled = done.is_ok();
            self.settle(cell, row, done).await?;
            if settled {
                self.desk.write(std::mem::take(&mut self.writes)).await?;
            }
        }
        Ok(())
    }

    async fn skip_first(&mut self, cell: &mut Cell, decided: DocumentWrite) -> Result<(), Halt> {
        self.note(decided);
        let Some(row) = self.sequence.first().cloned() else { return Ok(()) };
        self.skip(cell, &row).await?;
        self.go_on(cell).await
    }

    /// Passes over a turn: what is left to do of it is dropped. One that has not begun is not begun by the next
    /// version either, when that folds the past.
    async fn skip(&mut self, cell: &mut Cell, row: &Row) -> Result<(), Halt> {
        let has_begun = cell.document.position >= row.position;
        if !has_begun && self.desk.keeps_state {
            self.note(row.skip(&self.desk.names));
        }
        self.remove(row);
        if has_begun {
            // In one write: were the turn gone and its row still there, the next turn would go as well.
            drop_turn(self.desk, cell, std::mem::take(&mut self.writes)).await?;
        }
        Ok(())
    }

    /// Carries out what others have issued than the one that was skipped.
    async fn go_on(&mut self, cell: &mut Cell) -> Result<(), Halt> {
        if cell.document.pending.is_empty() {
            return Ok(());
        }
        Box::pin(self.timers(cell, Timestamp::MIN, true)).await
    }

    /// Notes what has become of something that may have been set aside before.
    async fn settle(&mut self, cell: &mut Cell, row: Row, done: Result<(), Trouble>) -> Result<(), Halt> {
        match done {
            Ok(()) => {
                self.remove(&row);
                Ok(())
            }
            Err(Trouble::Halt(halt)) => Err(halt),
            Err(Trouble::Failed { error, lasting }) => self.failed(cell, row, error, lasting).await,
        }
    }

    /// Writes that later, in the place of what the same document was to be before: an advance has each once, and
    /// what is tried again at once may fail once more before anything is written.
    fn note(&mut self, write: DocumentWrite) {
        let is_same = |other: &DocumentWrite| other.collection == write.collection && other.key == write.key;
        self.writes.retain(|other| !is_same(other));
        self.writes.push(write);
    }

    fn remove(&mut self, row: &Row) {
        if self.sequence.rows.contains_key(&row.position) {
            self.note(row.delete(&self.desk.names));
            self.sequence.settle_first();
        }
    }

    async fn failed(
        &mut self,
        cell: &mut Cell,
        mut row: Row,
        error: String,
        lasting: bool,
    ) -> Result<(), Halt> {
        let desk = self.desk;
        row.fails(&cell.document);
        let (reactor, position, event) = (desk.name, row.position.0, row.name.as_str());
        if !lasting && row.attempts <= desk.retry.max {
            let pause = desk.retry.pause(row.attempts);
            tracing::debug!(reactor, position, event, error, "failed, and is tried again");
            let delay = SignedDuration::try_from(pause).unwrap_or(SignedDuration::ZERO);
            row.next_at = desk.app.now().checked_add(delay).ok();
            row.state = RowState::Retrying;
            self.sequence.due = Some(Instant::now() + pause);
        } else if desk.on_failure == OnFailure::Skip {
            tracing::warn!(reactor, position, event, error, "skipped");
            self.skip(cell, &row).await?;
            return self.go_on(cell).await;
        } else if desk.on_failure == OnFailure::Stop {
            return Err(Halt::Stopped(format!("event \"{event}\" at position {position}: {error}")));
        } else {
            tracing::warn!(reactor, position, event, error, "parked");
            row.next_at = None;
            row.state = RowState::Parked;
            self.sequence.due = None;
        }
        row.error = Some(error);
        self.note(row.put(&desk.names)?);
        self.sequence.rows.insert(row.position, row);
        Ok(())
    }
}

/// Drops what is left to do of the first turn: what the event, or the one timer, has issued.
async fn drop_turn(desk: &Desk, cell: &mut Cell, beside: Vec<DocumentWrite>) -> Result<(), Halt> {
    let turn = cell.document.pending.first().map(|first| first.turn);
    let drop = |next: &mut Document| {
        let others = next.pending.iter().position(|pending| Some(pending.turn) != turn);
        let dropped = others.unwrap_or(next.pending.len());
        next.pending.drain(..dropped);
        dropped > 0
    };
    desk.amend_with(cell, beside, drop).await
}
