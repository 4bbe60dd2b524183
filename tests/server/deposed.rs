//! A leader that was deposed and does not know it: it answers as it did before.

use async_nats::{Client, Message};
use bytes::Bytes;
use futures_core::Stream;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// What the servers are told, so that leaders are asked by way of it: it asks them by the name of their domain.
pub const DOMAIN: &str = ", domain: behind";
/// What goes by way of it.
pub const MAPPINGS: &str = "mappings {\n\
    \"$JS.API.STREAM.INFO.*\": \"deposed.STREAM.INFO.{{wildcard(1)}}\"\n\
    \"$JS.API.STREAM.MSG.GET.*\": \"deposed.STREAM.MSG.GET.{{wildcard(1)}}\"\n\
}\n";

/// A subject, and what was asked there.
type Question = (String, Bytes);

/// Stands between all clients and the leaders of all streams.
pub struct Deposed {
    memory: Arc<Mutex<Memory>>,
    answering: JoinHandle<()>,
}

#[derive(Default)]
struct Memory {
    answers: HashMap<Question, Bytes>,
    /// How often each question is still answered as before; `None` while it passes everything on.
    left: Option<HashMap<Question, u32>>,
}

impl Deposed {
    /// Passes questions and answers on, and remembers both.
    pub async fn start(url: &str) -> Self {
        let client = async_nats::connect(url).await.unwrap();
        let mut questions = client.subscribe("deposed.>").await.unwrap();
        client.flush().await.unwrap();
        let memory = Arc::<Mutex<Memory>>::default();
        let known = memory.clone();
        let answering = tokio::spawn(async move {
            while let Some(question) = poll_fn(|context| Pin::new(&mut questions).poll_next(context)).await {
                tokio::spawn(answer(client.clone(), known.clone(), question));
            }
        });
        Self { memory, answering }
    }

    /// Whatever was asked before is answered as it was then, so many times; and then truly again.
    pub fn answers_as_before(&self, times: u32) {
        let mut memory = self.memory.lock().unwrap();
        memory.left = Some(memory.answers.keys().map(|question| (question.clone(), times)).collect());
    }

    /// How many questions there are that it would still answer as before.
    pub fn left(&self) -> usize {
        let memory = self.memory.lock().unwrap();
        memory.left.iter().flat_map(HashMap::values).filter(|left| **left > 0).count()
    }
}

impl Drop for Deposed {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

impl Memory {
    fn recall(&mut self, question: &Question) -> Option<Bytes> {
        let left = self.left.as_mut()?.get_mut(question).filter(|left| **left > 0)?;
        *left -= 1;
        self.answers.get(question).cloned()
    }
}

async fn answer(client: Client, memory: Arc<Mutex<Memory>>, asked: Message) {
    let (Some(api), Some(reply)) = (asked.subject.strip_prefix("deposed."), asked.reply) else { return };
    let question = (api.to_owned(), asked.payload);
    let recalled = memory.lock().unwrap().recall(&question);
    let answer = if let Some(answer) = recalled {
        answer
    } else {
        let to = format!("$JS.behind.API.{api}");
        // Whoever asks comes again.
        let Ok(answer) = client.request(to, question.1.clone()).await else { return };
        let mut memory = memory.lock().unwrap();
        if memory.left.is_none() {
            memory.answers.insert(question, answer.payload.clone());
        }
        answer.payload
    };
    client.publish(reply, answer).await.unwrap();
}
