//! The last messages of many subjects, in one request.

use super::super::fetch::Found;
use super::super::server::{Server, Unanswered};
use async_nats::client::Request;
use async_nats::{Message, Subscriber};
use futures_core::Stream;
use serde::Serialize;
use std::future::poll_fn;
use std::pin::Pin;
use tokio::time::timeout;

/// The bytes at which a server ends an answer, so that others get their turn and no buffer overflows.
const MAX_BYTES: usize = 8 * 1024 * 1024;

const END: u16 = 204;
const NOTHING: u16 = 404;
const TOO_MANY: u16 = 413;

const PENDING: &str = "Nats-Num-Pending";
const UP_TO: &str = "Nats-UpTo-Sequence";

/// The last message of each of some subjects.
#[derive(Default)]
pub struct Answer {
    pub messages: Vec<Found>,
    pub end: End,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// There is no message of these subjects.
    #[default]
    Nothing,
    /// That is all of them, as of this sequence of the stream.
    Whole(u64),
    /// There are more, but that is enough for one answer. As of this sequence, too.
    More(u64),
    /// These are more subjects than a server looks at, 1,024.
    TooMany,
}

#[derive(Serialize)]
struct Question<'a> {
    multi_last: &'a [String],
    max_bytes: usize,
}

/// Asks any replica. Its answer is of one moment, but that may be a past one.
pub async fn of(server: &Server, subjects: &[String]) -> Result<Answer, Unanswered> {
    let question = Question { multi_last: subjects, max_bytes: MAX_BYTES };
    let question = serde_json::to_vec(&question).map_err(Unanswered::yet)?;
    let inbox = server.client().new_inbox();
    let mut replies = server.client().subscribe(inbox.clone()).await.map_err(Unanswered::yet)?;
    let request = Request::new().payload(question.into()).inbox(inbox);
    let to = format!("DIRECT.GET.{}", server.keep().name);
    server.context().send_request(to, request).await.map_err(Unanswered::yet)?;
    let mut answer = Answer::default();
    loop {
        let reply = timeout(server.patience(), next(&mut replies)).await.map_err(Unanswered::yet)?;
        let reply = reply.ok_or_else(|| Unanswered::yet("the connection was closed"))?;
        if reply.status.is_some() {
            answer.end = end_of(&reply, &answer)?;
            return Ok(answer);
        }
        answer.messages.push(Found::of_row(reply).map_err(Unanswered::Yet)?);
    }
}

async fn next(replies: &mut Subscriber) -> Option<Message> {
    poll_fn(|context| Pin::new(&mut *replies).poll_next(context)).await
}

fn end_of(reply: &Message, before: &Answer) -> Result<End, Unanswered> {
    let number = |name: &str| -> Option<u64> { reply.headers.as_ref()?.get(name)?.as_str().parse().ok() };
    match status(reply) {
        END => match (number(PENDING), number(UP_TO)) {
            (Some(0), Some(up_to)) => Ok(End::Whole(up_to)),
            (Some(_), Some(up_to)) => Ok(End::More(up_to)),
            _ => Err(unexpected(reply)),
        },
        NOTHING if before.messages.is_empty() && !is_gone(reply) => Ok(End::Nothing),
        TOO_MANY => Ok(End::TooMany),
        _ => Err(unexpected(reply)),
    }
}

/// Whether a message went while it was read, so that nothing is said of the others.
fn is_gone(reply: &Message) -> bool {
    reply.description.as_deref().is_some_and(|text| text.contains("Message Not Found"))
}

fn status(reply: &Message) -> u16 {
    reply.status.map_or(0, |status| status.as_u16())
}

fn unexpected(reply: &Message) -> Unanswered {
    Unanswered::yet(format!("a read was answered by status {}", status(reply)))
}
