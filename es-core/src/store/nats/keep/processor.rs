//! A processor as a message: where it is, and who may write for it.

use super::super::batch::Draft;
use super::super::fetch::Found;
use super::super::server::Server;
use super::lanes::Lane;
use super::{damaged, header, many, number, subjects};
use crate::id::Position;
use crate::store::{Checkpoint, ReadError};
use bytes::Bytes;
use std::time::Duration;
use uuid::Uuid;

const POSITION: &str = "Es-Position";
const EVENT: &str = "Es-Event";
const OWNER: &str = "Es-Owner";
const EPOCH: &str = "Es-Epoch";
const LEASE: &str = "Es-Lease";

/// The epoch of a lease that is taken by this very message: its sequence, which is not known before it is stored.
const NEW: u64 = 0;

/// A processor as it is stored, or shall be.
#[derive(Clone, Debug)]
pub struct Processor {
    pub checkpoint: Checkpoint,
    /// Who has taken it; the epoch stays theirs when the time has run out, until somebody else takes it.
    pub holder: Option<Holder>,
}

#[derive(Clone, Debug)]
pub struct Holder {
    pub owner: Uuid,
    pub epoch: u64,
    pub lease: Duration,
}

/// A processor, and the message that it was read from.
#[derive(Clone, Debug)]
pub struct Known {
    pub sequence: u64,
    pub processor: Processor,
}

impl Holder {
    /// Takes the lease with the message that it is written in.
    pub fn new(owner: Uuid, lease: Duration) -> Self {
        Self { owner, epoch: NEW, lease }
    }
}

impl Processor {
    /// Whether this epoch is the holder's.
    pub fn is_under(&self, epoch: u64) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.epoch == epoch)
    }

    /// The message, to be stored behind that of a sequence.
    pub fn draft(&self, server: &Server, name: &str, behind: u64) -> Draft {
        let subject = subjects::processor(server.names(), name);
        let mut draft = Draft::new(subject, Bytes::new())
            .expect_last(behind)
            .header(POSITION, self.checkpoint.position.0);
        if let Some(event) = self.checkpoint.event {
            draft = draft.header(EVENT, event);
        }
        if let Some(holder) = &self.holder {
            let micros = u64::try_from(holder.lease.as_micros()).unwrap_or(u64::MAX);
            draft = draft.header(OWNER, holder.owner).header(EPOCH, holder.epoch).header(LEASE, micros);
        }
        draft
    }

    /// What it is once it is stored with this sequence.
    pub fn stored(mut self, sequence: u64) -> Known {
        if let Some(holder) = &mut self.holder
            && holder.epoch == NEW
        {
            holder.epoch = sequence;
        }
        Known { sequence, processor: self }
    }
}

impl Known {
    pub fn of(message: &Found) -> Result<Self, ReadError> {
        let event = header(message, EVENT).map(str::parse).transpose();
        let owner = header(message, OWNER).map(str::parse).transpose();
        let checkpoint = Checkpoint {
            position: Position(number(message, POSITION)?),
            event: event.map_err(|error: uuid::Error| damaged(message, error))?,
        };
        let holder = match owner.map_err(|error: uuid::Error| damaged(message, error))? {
            None => None,
            Some(owner) => {
                let lease = Duration::from_micros(number(message, LEASE)?);
                Some(Holder { owner, epoch: number(message, EPOCH)?, lease })
            }
        };
        Ok(Processor { checkpoint, holder }.stored(message.sequence))
    }

    /// As it is now.
    pub async fn read(server: &Server, name: &str) -> Result<Option<Self>, ReadError> {
        let subject = subjects::processor(server.names(), name);
        let message = many::one(server, &subject).await?;
        message.map(|message| Self::of(&message)).transpose()
    }

    /// Whoever holds the lease, unless it has run out as far as this process knows.
    pub fn owner(&self, lane: &Lane) -> Option<Uuid> {
        let stands = lane.stands(self.sequence);
        let holder = self.processor.holder.as_ref();
        holder.filter(|holder| stands < holder.lease).map(|holder| holder.owner)
    }
}
