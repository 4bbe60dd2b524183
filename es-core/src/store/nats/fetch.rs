//! Single messages and rows of them, out of a JetStream stream.
//!
//! A single message comes from the stream's leader, which has all that was ever answered for. A row comes from any
//! server that has the stream, which may be behind: whoever reads one knows from the leader how far it has to go.

use super::server::{Server, Source, Unanswered};
use crate::id::Position;
use crate::store::{BoxError, ReadError};
use async_nats::client::Request;
use async_nats::header::NATS_TIME_STAMP;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::RawMessage;
use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

/// The subject of every message.
const EVERYTHING: &str = ">";

/// The most messages that are asked for at once.
pub(super) const MAX_ROW: usize = 1_000;

/// The bytes at which a server ends a row.
const MAX_ROW_BYTES: usize = 8 * 1024 * 1024;

/// What a server says behind the last message of a row.
const END_OF_ROW: u16 = 204;

/// Which message of the row stands before this one.
const BEFORE: &str = "Nats-Last-Sequence";

/// A message as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub subject: String,
    pub sequence: u64,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// When it was stored, by the clock of the leader.
    pub time: Timestamp,
}

/// What is asked of the servers.
#[derive(Clone, Copy, Default, Serialize)]
struct Ask<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
}

/// The last message of a subject.
pub(super) async fn last(
    server: &Server,
    source: &Source,
    subject: &str,
) -> Result<Option<Found>, ReadError> {
    single(server, source, Ask { last_by_subj: Some(subject), ..Ask::default() }).await
}

/// The message of the log with a sequence.
pub(super) async fn at(server: &Server, sequence: u64) -> Result<Option<Found>, ReadError> {
    single(server, server.log(), Ask { seq: Some(sequence), ..Ask::default() }).await
}

/// The message of the log with a sequence that the log has reached. Nothing goes out of the log, so whoever answers
/// that there is none may have been deposed and not know it yet; or it is damaged.
pub(super) async fn there(server: &Server, sequence: u64) -> Result<Found, ReadError> {
    let mut tries = server.tries();
    loop {
        if let Some(found) = at(server, sequence).await? {
            return Ok(found);
        }
        if !tries.again().await {
            return Err(gone(sequence));
        }
    }
}

/// The last message of a subject, which has one at this sequence, if that is not 0. Whoever answers may have been
/// deposed and not know it yet.
pub(super) async fn last_since(
    server: &Server,
    subject: &str,
    reached: u64,
) -> Result<Option<Found>, ReadError> {
    let mut tries = server.tries();
    loop {
        let found = last(server, server.log(), subject).await?;
        if found.as_ref().map_or(0, |found| found.sequence) >= reached {
            return Ok(found);
        }
        if !tries.again().await {
            return Err(ReadError::Unavailable(LEADER_IS_BEHIND.into()));
        }
    }
}

/// The first message of a subject of the log at or behind a sequence.
async fn next(server: &Server, subject: &str, sequence: u64) -> Result<Option<Found>, ReadError> {
    let ask = Ask { seq: Some(sequence.max(1)), next_by_subj: Some(subject), ..Ask::default() };
    single(server, server.log(), ask).await
}

/// The end of the log, by its leader.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub position: Position,
    /// How many messages there are about what was redacted and truncated.
    pub edits: u64,
}

#[derive(Deserialize)]
struct Info {
    state: State,
}

#[derive(Deserialize)]
struct State {
    last_seq: u64,
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

/// How long the end of the log may be behind where somebody has read before it is believed.
const BEHIND: Duration = Duration::from_secs(2);

pub(super) const LEADER_IS_BEHIND: &str = "the leader is behind what it has stored";

/// The end of the log, for somebody who has read as far as this. Whoever answers may have been deposed and not know
/// it yet; or this is another log.
pub(super) async fn end_for(server: &Server, after: Position) -> Result<End, ReadError> {
    let mut tries = server.tries().within(BEHIND);
    loop {
        let end = end(server).await?;
        if end.position >= after || !tries.again().await {
            return Ok(end);
        }
    }
}

/// The end of the last whole commit. A leader tells how far it is while it stores one, too. Its messages can be read
/// only when all of them are there, so nothing else shows a part of it.
pub(super) async fn whole_end(server: &Server) -> Result<Position, ReadError> {
    let end = end(server).await?.position;
    whole(server, end).await
}

/// The end of the last commit that was whole when the log went up to here.
pub(super) async fn whole(server: &Server, end: Position) -> Result<Position, ReadError> {
    if end.0 == 0 {
        return Ok(end);
    }
    let begun = there(server, end.0).await?.unfinished();
    Ok(Position(end.0.saturating_sub(begun)))
}

/// The end of the log, which is never before an earlier one that this process knows of. It may stand within a commit.
pub(super) async fn end(server: &Server) -> Result<End, ReadError> {
    let api = format!("STREAM.INFO.{}", server.log().name);
    let edits = server.names().edits();
    let ask = serde_json::json!({ "subjects_filter": edits });
    server
        .ask(async || {
            let known = server.log().known_end();
            let answer = server.context().request(api.clone(), &ask).await.map_err(Unanswered::yet)?;
            let Info { state } = match answer {
                Response::Ok(info) => info,
                Response::Err { error } => return Err(Unanswered::yet(error)),
            };
            if state.last_seq < known {
                return Err(Unanswered::yet(LEADER_IS_BEHIND));
            }
            server.log().reached(state.last_seq);
            let count = state.subjects.and_then(|subjects| subjects.get(&edits).copied());
            Ok(End { position: Position(state.last_seq), edits: count.unwrap_or(0) })
        })
        .await
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    error: Option<async_nats::jetstream::Error>,
}

/// The part of an answer that the client reads as a type which another crate can change.
#[derive(Deserialize)]
struct Stored {
    time: Timestamp,
}

/// Asks the leader.
async fn single(server: &Server, source: &Source, ask: Ask<'_>) -> Result<Option<Found>, ReadError> {
    let api = format!("STREAM.MSG.GET.{}", source.name);
    server
        .ask(async || {
            let answer = server.context().request(api.clone(), &ask).await;
            let answer: Box<RawValue> = answer.map_err(Unanswered::yet)?;
            match serde_json::from_str(answer.get()).map_err(Unanswered::yet)? {
                Answer { message: Some(message), .. } => decode(message).map(Some).map_err(Unanswered::Yet),
                Answer { error: Some(error), .. } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                    Ok(None)
                }
                Answer { error: Some(error), .. } => Err(Unanswered::yet(error)),
                Answer { .. } => Err(Unanswered::yet("the answer is empty")),
            }
        })
        .await
}

fn decode(message: &RawValue) -> Result<Found, BoxError> {
    let Stored { time } = serde_json::from_str(message.get())?;
    let raw: RawMessage = serde_json::from_str(message.get())?;
    Ok(Found::new(StreamMessage::try_from(raw)?, time))
}

impl Found {
    fn new(message: StreamMessage, time: Timestamp) -> Self {
        Self {
            subject: message.subject.to_string(),
            sequence: message.sequence,
            headers: message.headers,
            body: message.payload,
            time,
        }
    }

    /// One of a row, which has its time in a header.
    pub fn of_row(message: Message) -> Result<Self, BoxError> {
        let message = StreamMessage::try_from(message)?;
        let time = message.headers.get_last(NATS_TIME_STAMP).ok_or("it has no time")?.as_str().parse()?;
        Ok(Self::new(message, time))
    }
}

/// Up to so many messages of a subject of the log, from a sequence on, as some server has them: perhaps fewer than
/// there are, in which case the last of them tells how far they go.
async fn row(server: &Server, subject: &str, from: u64, most: usize) -> Result<Vec<Found>, ReadError> {
    let batch = most.clamp(1, MAX_ROW);
    let ask = Ask {
        seq: Some(from.max(1)),
        next_by_subj: Some(subject),
        batch: Some(batch),
        max_bytes: Some(MAX_ROW_BYTES),
        ..Ask::default()
    };
    let ask = Bytes::from(serde_json::to_vec(&ask).map_err(|error| ReadError::Unavailable(error.into()))?);
    let api = format!("DIRECT.GET.{}", server.log().name);
    server
        .ask(async || {
            let inbox = server.client().new_inbox();
            let mut answers = server.client().subscribe(inbox.clone()).await.map_err(Unanswered::yet)?;
            let request = Request::new().payload(ask.clone()).inbox(inbox);
            server.context().send_request(api.clone(), request).await.map_err(Unanswered::yet)?;
            tokio::time::timeout(server.patience(), collect(&mut answers)).await.map_err(Unanswered::yet)?
        })
        .await
}

async fn collect(answers: &mut Subscriber) -> Result<Vec<Found>, Unanswered> {
    let mut row = Vec::new();
    while let Some(answer) =
        poll_fn(|context| futures_core::Stream::poll_next(Pin::new(&mut *answers), context)).await
    {
        match answer.status {
            Some(status) if status == END_OF_ROW || status == StatusCode::NOT_FOUND => return Ok(row),
            Some(status) => return Err(Unanswered::yet(format!("the server answers {status}"))),
            None => {
                let found = Found::of_row(answer).map_err(Unanswered::Yet)?;
                // What was under way when a connection broke is missing in the middle, too.
                let before = row.last().map_or(0, |before: &Found| before.sequence);
                if found.number::<u64>(BEFORE).is_ok_and(|sequence| sequence != before) {
                    return Err(Unanswered::yet("a message of the row is lost"));
                }
                row.push(found);
            }
        }
    }
    Err(Unanswered::yet("the connection was closed"))
}

/// Messages of a subject of the log in `from..=to`, one at least and without a gap, where it is known that there is one
/// at `to`.
pub(super) async fn span(
    server: &Server,
    subject: &str,
    from: u64,
    to: u64,
    most: usize,
) -> Result<Vec<Found>, ReadError> {
    let mut tries = server.tries();
    loop {
        let mut span = row(server, subject, from, most).await?;
        let known = span.iter().take_while(|found| found.sequence <= to).count();
        span.truncate(known);
        if span.is_empty() {
            // Whoever has answered is behind. So may the leader be, if it was deposed.
            span.extend(next(server, subject, from).await?.filter(|found| found.sequence <= to));
        }
        if !span.is_empty() {
            return Ok(span);
        }
        if !tries.again().await {
            return Err(gone(to));
        }
    }
}

/// Messages of the log in `from..=to`, one at least and without a gap, where the log goes as far.
pub(super) async fn dense(server: &Server, from: u64, to: u64, most: usize) -> Result<Vec<Found>, ReadError> {
    let mut row = row(server, EVERYTHING, from, most).await?;
    let known = row.iter().zip(from..=to).take_while(|(found, sequence)| found.sequence == *sequence).count();
    row.truncate(known);
    if row.is_empty() {
        row.push(there(server, from).await?);
    }
    Ok(row)
}

fn gone(at: u64) -> ReadError {
    ReadError::Corrupt { at: Position(at), cause: "it is not there any more".into() }
}
