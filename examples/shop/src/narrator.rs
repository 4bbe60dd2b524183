//! Tells what happens while it happens, from the logs of both contexts.

use crate::calendar::DayBegun;
use crate::error::ShopError;
use crate::shop::{Room, Shop};
use es_core::prelude::*;
use serde_json::{Map, Value};
use std::io::{self, Write};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Two tasks that print.
pub struct Narrator {
    ecommerce: Teller,
    orders: Teller,
}

/// Prints the events of one log.
struct Teller {
    told: watch::Receiver<Position>,
    task: JoinHandle<Result<(), ShopError>>,
}

impl Narrator {
    /// Begins with what happens from now on.
    ///
    /// # Errors
    /// If a log does not answer.
    pub async fn start(shop: &Shop) -> Result<Self, ShopError> {
        let ecommerce = Teller::start("ecommerce", &shop.ecommerce).await?;
        let orders = Teller::start("orders", &shop.orders).await?;
        Ok(Self { ecommerce, orders })
    }

    /// Ends when everything is told.
    ///
    /// # Errors
    /// If a log cannot be read, or nobody takes what is printed.
    pub async fn finish(self, shop: &Shop) -> Result<(), ShopError> {
        self.ecommerce.finish(&shop.ecommerce).await?;
        self.orders.finish(&shop.orders).await
    }
}

impl Teller {
    async fn start(context: &'static str, room: &Room) -> Result<Self, ShopError> {
        let start = room.head().await?;
        let mut events = room.app.subscribe(start, Filter::all());
        let (telling, told) = watch::channel(start);
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let event = event?;
                let line = in_words(context, &event);
                writeln!(io::stdout(), "{line}").map_err(ShopError::Output)?;
                telling.send_replace(event.position);
            }
            Ok(())
        });
        Ok(Self { told, task })
    }

    async fn finish(mut self, room: &Room) -> Result<(), ShopError> {
        let head = room.head().await?;
        if self.told.wait_for(|told| *told >= head).await.is_err() {
            // The task has ended, and says why.
            return self.task.await.unwrap_or(Ok(()));
        }
        self.task.abort();
        Ok(())
    }
}

/// An event as a plain line: `2026-03-02  orders     order ann: order shipped (tracking P12345678)`.
fn in_words(context: &str, event: &RawEvent) -> String {
    let fields = event.payload.as_deref().and_then(|json| serde_json::from_slice(json).ok());
    let fields: Map<String, Value> = fields.unwrap_or_default();
    if event.name == DayBegun::NAME {
        return format!("\nday {}", fields.get("day").unwrap_or(&Value::Null));
    }
    let fields: Vec<String> = fields.iter().filter_map(field).collect();
    let said = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    let (day, stream) = (event.envelope.recorded_at.date(), &event.envelope.stream);
    let (category, id) = (stream.category(), stream.id_text());
    format!("{day}  {context:<10} {category} {id}: {}{said}", words(&event.name))
}

/// A field, where it says something in one word.
fn field((name, value): (&String, &Value)) -> Option<String> {
    match value {
        Value::String(text) => Some(format!("{name} {text}")),
        Value::Number(number) => Some(format!("{name} {number}")),
        _ => None,
    }
}

/// `OrderShipped` as `order shipped`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
