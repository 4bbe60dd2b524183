//! Many messages, stored together or not at all.
//!
//! A single message is an ordinary publication. Several are an atomic batch: each is sent with the batch's id and its
//! place in it, the last one asks for the commit, and only that is answered. So a batch costs one round trip. What
//! was expected is looked at in the commit, all of it against one state of the stream. A batch that never comes to
//! its end is forgotten by the server after ten seconds, and nothing of it is stored.

use super::server::Server;
use crate::store::BoxError;
use async_nats::client::{Client, Request, RequestErrorKind};
use async_nats::connection::State;
use async_nats::header::{IntoHeaderName, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::ErrorCode;
use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use uuid::Uuid;

/// The most messages that a server takes in one batch.
pub(super) const MAX_BATCH: usize = 1_000;

/// The batches that one process has on the way at a time; a stream takes fifty, from all processes together.
pub(super) const AT_A_TIME: usize = 16;

const BATCH_ID: &str = "Nats-Batch-Id";
pub(super) const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
pub(super) const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub subject: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Draft {
    pub fn new(subject: String, body: Bytes) -> Self {
        Self { subject, headers: HeaderMap::new(), body }
    }

    /// Adds a header. The value is one line.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and new texts read better without a `&`")]
    pub fn header(mut self, name: impl IntoHeaderName, value: impl ToString) -> Self {
        self.headers.insert(name, value.to_string().as_str());
        self
    }

    /// Stored once only, as far as the server looks back: for ten minutes.
    pub fn id(self, id: Uuid) -> Self {
        self.header(NATS_MESSAGE_ID, id.hyphenated())
    }

    /// Only if the last message of the subject is this one; 0 if there is none. It stands on the first message
    /// that a batch has for a subject, and on no other.
    pub fn expect_last(self, sequence: u64) -> Self {
        self.header(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, sequence)
    }

    /// The bytes that the server counts against the largest message it takes, a batch's headers included.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter().flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values.iter().map(move |value| name.len() + value.as_str().len() + 4)
        });
        headers.sum::<usize>() + self.body.len() + 160
    }
}

/// Messages that are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// The sequence of the last message, before which the others stand; of a repeated one, where it is stored.
    pub last: u64,
    /// The only message has an id that was stored before; nothing was stored now.
    pub repeated: bool,
}

/// Why messages were not, or perhaps not, stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsent {
    /// A subject has another last message than expected. Nothing was stored.
    #[error("the subject has another last message")]
    Moved,
    /// Something is in the way for a moment. Nothing was stored.
    #[error("the server is busy: {0}")]
    Busy(String),
    /// An id is stored already. Nothing was stored now.
    #[error("a message with one of these ids is stored")]
    Repeated,
    /// Nothing was stored, and nothing will be by trying again.
    #[error("the server refuses the messages: {0}")]
    Refused(String),
    /// Nothing was sent.
    #[error("the messages were not sent")]
    Unreached(#[source] BoxError),
    /// It is unknown whether they were stored.
    #[error("the server did not answer")]
    Unknown(#[source] BoxError),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<async_nats::jetstream::Error>,
}

/// Stores messages, all of them or none, in their order and next to each other.
pub(super) async fn send(server: &Server, messages: Vec<Draft>) -> Result<Sent, Unsent> {
    let _request = server.request().await.map_err(|closed| Unsent::Unreached(closed.into()))?;
    let client = server.client();
    if client.connection_state() != State::Connected {
        return Err(Unsent::Unreached("there is no connection".into()));
    }
    let last = match messages.len() {
        0 => return Err(Unsent::Refused("there are no messages".to_owned())),
        1 => None,
        _ => Some(turn(server).await?),
    };
    let message = if last.is_some() {
        // Without its commit a batch is nothing, wherever it was left.
        let begun = timeout(server.patience(), begin(client, messages)).await;
        begun.map_err(|late| Unsent::Unreached(late.into()))??
    } else {
        messages.into_iter().next()
    };
    let Some(Draft { subject, headers, body }) = message else {
        return Err(Unsent::Refused("there are no messages".to_owned()));
    };
    let request = Request::new().headers(headers).payload(body).timeout(Some(server.patience()));
    // The client's own time begins when the connection has taken the message.
    let answered = timeout(server.patience(), client.send_request(subject, request)).await;
    match answered.map_err(|late| Unsent::Unknown(late.into()))? {
        Ok(answer) => read(&answer),
        Err(error) => Err(match error.kind() {
            // Whatever came before it: without its commit a batch is nothing.
            RequestErrorKind::NoResponders => Unsent::Unreached(error.into()),
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                Unsent::Refused(error.kind().to_string())
            }
            _ => Unsent::Unknown(error.into()),
        }),
    }
}

/// Waits until there may be one more batch on the way.
async fn turn(server: &Server) -> Result<SemaphorePermit<'_>, Unsent> {
    let turn = timeout(server.left(), server.batches().acquire()).await;
    turn.map_err(|late| Unsent::Unreached(late.into()))?.map_err(|closed| Unsent::Unreached(closed.into()))
}

/// Sends all messages of a batch but the last one, and gives that.
async fn begin(client: &Client, messages: Vec<Draft>) -> Result<Option<Draft>, Unsent> {
    let batch = Uuid::new_v4().simple().to_string();
    let count = messages.len();
    for (index, draft) in messages.into_iter().enumerate() {
        let draft = draft.header(BATCH_ID, &batch).header(BATCH_SEQUENCE, index + 1);
        if index + 1 == count {
            return Ok(Some(draft.header(BATCH_COMMIT, 1)));
        }
        let Draft { subject, headers, body } = draft;
        client
            .publish_with_headers(subject, headers, body)
            .await
            .map_err(|error| Unsent::Unreached(error.into()))?;
    }
    Ok(None)
}

fn read(answer: &Message) -> Result<Sent, Unsent> {
    let unknown = |error: serde_json::Error| Unsent::Unknown(error.into());
    let answer: Answer = serde_json::from_slice(&answer.payload).map_err(unknown)?;
    let Some(error) = answer.error else {
        return Ok(Sent { last: answer.seq, repeated: answer.duplicate });
    };
    Err(match error.error_code() {
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE => Unsent::Moved,
        ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE => Unsent::Repeated,
        // Others write the same subject, or have the same id, at this moment; or too many batches are on the
        // way, which older servers call an incomplete one.
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT
        | ErrorCode::STREAM_EXPECTED_LAST_SEQ_PER_SUBJECT_NOT_READY
        | ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT
        | ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT
        | ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH
        | ErrorCode::CLUSTER_NOT_LEADER
        | ErrorCode::CLUSTER_NOT_AVAILABLE => Unsent::Busy(error.to_string()),
        // Such as a disk that fails, which may have taken it all the same.
        _ if error.code() >= 500 => Unsent::Unknown(error.to_string().into()),
        _ => Unsent::Refused(error.to_string()),
    })
}
