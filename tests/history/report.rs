//! What a process says of its writing, so that it is known when the process is not there any more.

use super::{Answer, History, Writer, commit_of};
use es_core::Position;
use es_core::store::EventStore;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Writes with so many writers until it is told to end, and says of each commit that it is sent, and what was
/// answered. A commit is sent once.
pub async fn write_aloud(store: Arc<dyn EventStore>, run: u32, writers: u32, end: Arc<AtomicBool>) {
    let writing = (0..writers).map(|number| {
        let (store, end) = (store.clone(), end.clone());
        tokio::spawn(async move {
            for n in 0.. {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                say(&format!("sent {run} {number} {n}"));
                let answer = Answer::of(&store.append(commit_of(Writer { run, number }, n)).await);
                say(&format!("answered {run} {number} {n} {}", told(&answer)));
                if !matches!(answer, Answer::Stored { .. }) {
                    break;
                }
            }
        })
    });
    for writer in writing.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Says a line, in one piece, so that lines of several threads do not mix.
pub fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn told(answer: &Answer) -> String {
    match answer {
        Answer::Stored { duplicate, position, versions } => {
            let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
            format!("stored {duplicate} {position} {}", versions.join(","))
        }
        Answer::Conflict { stream, actual } => format!("conflict {stream} {actual}"),
        Answer::Refused => "refused".into(),
        Answer::NotStored => "not-stored".into(),
        Answer::Unknown => "unknown".into(),
    }
}

/// Puts what a process says into a history, as it says it. Answers what else it has said, when it is gone.
pub fn listen(
    reports: impl Read + Send + 'static,
    history: Arc<History>,
    node: u32,
) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let mut reports = BufReader::new(reports);
        let mut sent = HashMap::new();
        let mut others = Vec::new();
        let mut line = String::new();
        while reports.read_line(&mut line).unwrap() > 0 {
            // A line without its end was cut off by a kill.
            let Some(whole) = line.strip_suffix('\n') else { break };
            if hear(whole, &history, node, &mut sent).is_none() {
                others.push(whole.to_owned());
            }
            line.clear();
        }
        others
    })
}

fn hear(line: &str, history: &History, node: u32, sent: &mut HashMap<(Writer, u64), usize>) -> Option<()> {
    let mut words = line.split(' ');
    let word = words.next()?;
    if word != "sent" && word != "answered" {
        return None;
    }
    let writer = Writer { run: words.next()?.parse().ok()?, number: words.next()?.parse().ok()? };
    let n = words.next()?.parse().ok()?;
    if word == "sent" {
        sent.insert((writer, n), history.invoked(node, commit_of(writer, n)));
        return Some(());
    }
    let answer = match words.next()? {
        "stored" => Answer::Stored {
            duplicate: words.next()? == "true",
            position: Position(words.next()?.parse().ok()?),
            versions: words.next()?.split(',').map(|version| version.parse().ok()).collect::<Option<_>>()?,
        },
        "conflict" => Answer::Conflict { stream: words.next()?.into(), actual: words.next()?.parse().ok()? },
        "refused" => Answer::Refused,
        "not-stored" => Answer::NotStored,
        "unknown" => Answer::Unknown,
        _ => return None,
    };
    history.answered(sent[&(writer, n)], answer);
    Some(())
}
