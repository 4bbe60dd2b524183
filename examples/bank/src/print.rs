//! What a user reads: tables, and one line for everything else.

use crate::account::AccountEvent;
use crate::ledger::Overview;
use crate::play::Summary;
use es_core::prelude::*;
use std::io::{self, Write};

/// To which side a column leans.
#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
}

/// Prints accounts as a table.
///
/// # Errors
/// Those of `out`.
pub fn accounts(out: &mut impl Write, accounts: &[Overview]) -> io::Result<()> {
    use Align::{Left, Right};
    if accounts.is_empty() {
        return writeln!(out, "There are no accounts yet.");
    }
    let columns =
        [("ACCOUNT", Left), ("OWNER", Left), ("BALANCE", Right), ("VERSION", Right), ("STATE", Left)];
    let rows = accounts.iter().map(|account| {
        [
            account.account.to_string(),
            account.owner.clone(),
            account.balance.to_string(),
            account.version.to_string(),
            state(account).to_owned(),
        ]
    });
    table(out, columns, &rows.collect::<Vec<_>>())
}

/// Prints one account.
///
/// # Errors
/// Those of `out`.
pub fn account(out: &mut impl Write, account: &Overview) -> io::Result<()> {
    writeln!(out, "account  {}", account.account)?;
    writeln!(out, "owner    {}", account.owner)?;
    writeln!(out, "balance  {}", account.balance)?;
    writeln!(out, "version  {}", account.version)?;
    writeln!(out, "state    {}", state(account))?;
    writeln!(out, "opened   {}", account.opened_at)?;
    match account.closed_at {
        Some(closed_at) => writeln!(out, "closed   {closed_at}"),
        None => Ok(()),
    }
}

/// Prints what happened to an account, one event a row.
///
/// # Errors
/// Those of `out`.
pub fn history(out: &mut impl Write, history: &[Recorded<AccountEvent>]) -> io::Result<()> {
    use Align::{Left, Right};
    let columns =
        [("VERSION", Right), ("TIME", Left), ("EVENT", Left), ("DATA", Left), ("BY", Left), ("LINE", Left)];
    let mut rows = Vec::with_capacity(history.len());
    for event in history {
        let envelope = &event.envelope;
        let data = event.data.encode().map_err(io::Error::other)?;
        rows.push([
            envelope.version.to_string(),
            envelope.recorded_at.to_string(),
            event.data.name().to_owned(),
            String::from_utf8_lossy(&data).into_owned(),
            envelope.metadata.actor.clone().unwrap_or_default(),
            envelope.metadata.get(LINE).unwrap_or_default(),
        ]);
    }
    table(out, columns, &rows)
}

/// The key of an event's metadata that holds the id of the line it comes from.
pub const LINE: &str = "line";

/// What became of a statement, in a sentence.
pub fn summary(summary: &Summary) -> String {
    let Summary { lines, recorded, known, failed } = summary;
    let plural = if *lines == 1 { "" } else { "s" };
    let known = match known {
        0 => String::new(),
        known => format!(", {known} known from before, which changed nothing"),
    };
    let failed = match failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    format!("{lines} line{plural} played: {recorded} recorded{known}{failed}.")
}

/// A text without anything that would move a terminal's cursor.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() { plain.extend(char.escape_default()) } else { plain.push(char) }
    }
    plain
}

fn state(account: &Overview) -> &'static str {
    if account.closed_at.is_some() { "closed" } else { "open" }
}

fn table<const N: usize>(
    out: &mut impl Write,
    columns: [(&str, Align); N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let mut widths = columns.map(|(heading, _)| heading.len());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut line = |cells: [&str; N]| {
        let mut line = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(columns) {
            let padded = match align {
                Align::Left => format!("{cell:<width$}  "),
                Align::Right => format!("{cell:>width$}  "),
            };
            line += &padded;
        }
        writeln!(out, "{}", line.trim_end())
    };
    line(columns.map(|(heading, _)| heading))?;
    rows.iter().try_for_each(|row| line(row.each_ref().map(String::as_str)))
}
