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

/// Which message of the answer stands before this one.
const BEFORE: &str = "Nats-Last-Sequence";

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
        if answer.take(reply)? {
            return Ok(answer);
        }
    }
}

impl Answer {
    /// Takes the next reply; true if that was the last one.
    fn take(&mut self, reply: Message) -> Result<bool, Unanswered> {
        // What was under way when a connection broke is missing in the middle, or at the end.
        let before = self.messages.last().map_or(0, |message| message.sequence);
        if number(&reply, BEFORE).is_some_and(|sequence| sequence != before) {
            return Err(Unanswered::yet("a message of the answer is lost"));
        }
        if reply.status.is_some() {
            self.end = end_of(&reply, self)?;
            return Ok(true);
        }
        self.messages.push(Found::of_row(reply).map_err(Unanswered::Yet)?);
        Ok(false)
    }
}

async fn next(replies: &mut Subscriber) -> Option<Message> {
    poll_fn(|context| Pin::new(&mut *replies).poll_next(context)).await
}

fn end_of(reply: &Message, before: &Answer) -> Result<End, Unanswered> {
    match status(reply) {
        END => match (number(reply, PENDING), number(reply, UP_TO)) {
            (Some(0), Some(up_to)) => Ok(End::Whole(up_to)),
            (Some(_), Some(up_to)) => Ok(End::More(up_to)),
            _ => Err(unexpected(reply)),
        },
        NOTHING if before.messages.is_empty() && !is_gone(reply) => Ok(End::Nothing),
        TOO_MANY => Ok(End::TooMany),
        _ => Err(unexpected(reply)),
    }
}

fn number(reply: &Message, name: &str) -> Option<u64> {
    reply.headers.as_ref()?.get(name)?.as_str().parse().ok()
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

#[cfg(test)]
mod tests {
    use super::{Answer, END, End, NOTHING};
    use async_nats::{HeaderMap, Message, StatusCode};

    fn reply(status: Option<u16>, headers: &[(&str, &str)]) -> Message {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        Message {
            subject: "inbox".into(),
            reply: None,
            payload: Vec::new().into(),
            headers: Some(all),
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            description: None,
            length: 0,
        }
    }

    fn message(sequence: &str, before: &str) -> Message {
        let subject = format!("es.keep.doc.c.{sequence}");
        let headers = [
            ("Nats-Stream", "KEEP_es"),
            ("Nats-Subject", &subject),
            ("Nats-Sequence", sequence),
            ("Nats-Time-Stamp", "2026-01-01T00:00:00Z"),
            ("Nats-Last-Sequence", before),
        ];
        reply(None, &headers)
    }

    fn end(before: &str) -> Message {
        let headers =
            [("Nats-Num-Pending", "0"), ("Nats-UpTo-Sequence", "9"), ("Nats-Last-Sequence", before)];
        reply(Some(END), &headers)
    }

    #[test]
    fn an_answer_is_all_that_was_sent() {
        let mut answer = Answer::default();
        assert!(!answer.take(message("3", "0")).unwrap());
        assert!(!answer.take(message("7", "3")).unwrap());
        assert!(answer.take(end("7")).unwrap());
        let found: Vec<_> = answer.messages.iter().map(|found| found.sequence).collect();
        assert_eq!((found, answer.end), (vec![3, 7], End::Whole(9)));
        let mut nothing = Answer::default();
        assert!(nothing.take(reply(Some(NOTHING), &[])).unwrap());
        assert_eq!(nothing.end, End::Nothing);
    }

    #[test]
    fn an_answer_of_which_something_is_lost_is_none() {
        assert!(Answer::default().take(message("7", "3")).is_err(), "the first");
        let mut answer = Answer::default();
        answer.take(message("3", "0")).unwrap();
        assert!(answer.take(message("8", "7")).is_err(), "one in the middle");
        assert!(answer.take(end("7")).is_err(), "the last");
    }
}
