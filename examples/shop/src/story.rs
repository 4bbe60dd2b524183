//! The bundled story: what customers do and when goods arrive, line by line.
//!
//! Each line is a command with an id of its own. Where a run has come to is not kept anywhere: what is in the
//! log was done, so a run begins with the first line, and the lines that are known change nothing.

use crate::error::{ShopError, in_one_line};
use crate::shop::Shop;
use es_core::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// A fortnight of the shop, by days.
const STORY: &str = include_str!("../stories/fortnight.jsonl");

/// One line of the story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// On which day.
    day: u32,
    /// To which context.
    to: Addressee,
    command: String,
    fields: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Addressee {
    Ecommerce,
    Orders,
}

/// How many lines there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Carried out by this run.
    pub recorded: usize,
    /// Carried out by an earlier one.
    pub known: usize,
}

/// Plays the story to its end: a line is said when everything that followed from the one before has happened,
/// and a day begins when nothing is left to do on the day before. Each day takes at least `pause`, so that
/// whoever looks on can follow.
///
/// Others may play it at the same time. Then it is the same line that all of them say next, and the log takes it
/// once.
///
/// # Errors
/// The first line that is refused, or whatever has stopped; [`ShopError::Ending`] if the shop is asked to
/// [end](Shop::end). The next run goes on there.
pub async fn play(shop: &Shop, pause: Duration) -> Result<Played, ShopError> {
    let mut played = Played::default();
    for (number, line) in (1..).zip(STORY.lines()) {
        let failed = |reason| ShopError::Story { line: number, reason };
        let line: Line = serde_json::from_str(line).map_err(|error| failed(error.to_string()))?;
        loop {
            // Looked at first: what is left to do belongs to that day, or to an earlier one.
            let today = shop.today();
            shop.quiet().await?;
            if today >= line.day {
                break;
            }
            shop.begin_day(today + 1).await?;
            shop.pause(pause).await?;
        }
        let app = match line.to {
            Addressee::Ecommerce => &shop.ecommerce.app,
            Addressee::Orders => &shop.orders.app,
        };
        let id = CommandId::named(&format!("story:{number}"));
        let answer = app.execute_json(line.command, line.fields).id(id).by("story").await;
        let answer = answer.map_err(|error| failed(in_one_line(&error)))?;
        if answer["duplicate"] == Value::Bool(true) {
            played.known += 1;
        } else {
            played.recorded += 1;
        }
    }
    shop.quiet().await?;
    Ok(played)
}
