//! The model and its reports on one file, and what the school wants to read.

use crate::progress::Progress;
use crate::reports::{Difficulty, Furthest, SchoolDay};
use es_core::prelude::*;
use es_core::serde_json::Value;
use es_core::store::SqliteStore;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

type Failed = Box<dyn Error + Send + Sync>;

/// One step of a term: the command's name, and its fields.
const TERM: &str = include_str!("../terms/spring.jsonl");

/// The app over a file, which is made if it is not there.
///
/// # Errors
/// If the file cannot be opened, or holds something else.
pub async fn open(file: &Path) -> Result<App, Failed> {
    on(SqliteStore::open(file).await?).await
}

/// The app over any store: documents run everywhere.
///
/// # Errors
/// If the store holds something else.
pub async fn on(store: impl EventStore) -> Result<App, Failed> {
    let app = App::builder(store)
        .aggregate::<Progress>()
        .projection::<Furthest>()
        .projection::<Difficulty>()
        .projection::<SchoolDay>()
        .build()
        .await?;
    Ok(app)
}

/// Plays the bundled term. Each line has an id of its own, so playing it twice changes nothing.
///
/// # Errors
/// The first line that is not a command, or that is refused.
pub async fn play(app: &App) -> Result<(), Failed> {
    for (number, line) in (1..).zip(TERM.lines()) {
        let mut step: Value = serde_json::from_str(line)?;
        let name = step["command"].take();
        let name = name.as_str().ok_or_else(|| format!("line {number} names no command"))?;
        let id = CommandId::named(&format!("spring:{number}"));
        app.execute_json(name, step["fields"].take()).id(id).await?;
    }
    app.drain().await?;
    Ok(())
}

/// The three reports, as text.
///
/// # Errors
/// If the store does not answer.
pub async fn reports(app: &App) -> Result<String, Failed> {
    let mut text = String::from("The highest lesson that each student has completed\n");
    for (student, furthest) in app.documents::<Furthest>().await? {
        let lesson = furthest.lesson().map_or_else(|| "none".to_owned(), |lesson| lesson.to_string());
        writeln!(text, "  {student:>6}  {lesson}")?;
    }
    text.push_str("\nLessons: steps, times completed, times gone back to\n");
    for (lesson, hard) in app.documents::<Difficulty>().await? {
        writeln!(text, "  {lesson:>6}  {:>5} {:>5} {:>5}", hard.steps, hard.completed, hard.repeated)?;
    }
    text.push_str("\nDays: new students, steps, lessons\n");
    for (day, busy) in app.documents::<SchoolDay>().await? {
        writeln!(text, "  {day}  {:>5} {:>5} {:>5}", busy.new_students, busy.steps, busy.lessons)?;
    }
    Ok(text)
}
