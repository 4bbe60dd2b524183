//! One line: carried out, answered from the log, or refused for good.

use super::Outcome;
use crate::account::{AccountId, Currency, Deposit, Withdraw};
use crate::error::in_one_line;
use crate::ledger::Ledger;
use crate::print::LINE;
use crate::refused::{self, RefuseLine, RefusedLine};
use crate::statement::Line;
use es_core::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// The name of the command that is two.
const TRANSFER: &str = "Transfer";

/// Money from one account to another: a withdrawal and a deposit in one commit, or neither.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    from: AccountId,
    to: AccountId,
    amount: u64,
    #[serde(default)]
    currency: Currency,
}

/// Carries out a line, once: what was recorded or refused before is answered as it was then.
pub async fn execute(ledger: &Ledger, line: &Line, by: &str) -> Outcome {
    let key = refused::key(line);
    match ledger.refusals().load::<RefusedLine>(&key).await {
        Ok(Some(refused)) => return Outcome::Failed(format!("refused before: {}", refused.reason())),
        Ok(None) => {}
        Err(error) => return Outcome::Trouble(in_one_line(&error)),
    }
    let id = CommandId::named(&line.id);
    let metadata = Metadata::new().with(LINE, &line.id);
    let answer = if line.command == TRANSFER {
        transfer(ledger, line, id, metadata, by).await
    } else {
        let fields = Value::Object(line.fields.clone());
        ledger.accounts().execute_json(&line.command, fields).id(id).metadata(metadata).by(by).await
    };
    match answer {
        Ok(answer) => Outcome::Recorded(answer),
        Err(DispatchError::Command(error)) => match weigh(error) {
            Weighed::Refused(reason) => refuse(ledger, key, reason, by).await,
            other => other.into(),
        },
        Err(DispatchError::UnknownCommand { name, mut known }) => {
            known.push(TRANSFER);
            known.sort_unstable();
            Outcome::Failed(format!("there is no command {name:?}; there are {}", known.join(", ")))
        }
        Err(error) => Outcome::Failed(in_one_line(&error)),
    }
}

async fn transfer(
    ledger: &Ledger,
    line: &Line,
    id: CommandId,
    metadata: Metadata,
    by: &str,
) -> Result<Value, DispatchError> {
    let malformed = |reason| DispatchError::Malformed { command: TRANSFER, reason };
    let fields = Value::Object(line.fields.clone());
    let Transfer { from, to, amount, currency } =
        serde_json::from_value(fields).map_err(|error| malformed(error.to_string()))?;
    if from == to {
        return Err(malformed(format!("from {from} to {to} is no transfer")));
    }
    let both = (Withdraw { account: from, amount, currency }, Deposit { account: to, amount, currency });
    let (out, back) = ledger.accounts().execute_all(both).id(id).metadata(metadata).by(by).await?;
    Ok(json!({
        "reply": { "from": out.reply, "to": back.reply },
        "position": back.position,
        "duplicate": out.duplicate,
    }))
}

/// What an error means for its line.
enum Weighed {
    /// The bank says no, and the answer stays.
    Refused(String),
    /// The line is at fault, or cannot be judged.
    Failed(String),
    /// The database is at fault.
    Trouble(String),
}

fn weigh(error: CommandError<DomainError>) -> Weighed {
    match error {
        CommandError::Rejected(reason) | CommandError::Invariant(reason) => {
            Weighed::Refused(reason.to_string())
        }
        CommandError::NotFound { stream } => {
            Weighed::Refused(format!("there is no account {:?}", stream.id_text()))
        }
        CommandError::AlreadyExists { stream } => {
            Weighed::Refused(format!("there is an account {:?} already", stream.id_text()))
        }
        CommandError::Ended { stream } => {
            Weighed::Refused(format!("the account {:?} is closed", stream.id_text()))
        }
        CommandError::IdReused { earlier, .. } => {
            Weighed::Failed(format!("its id was used before, for the command {earlier} on the same account"))
        }
        // Played again, these may come out otherwise: whatever is behind them has to wait.
        error @ (CommandError::Store(_) | CommandError::Conflict { .. }) => {
            Weighed::Trouble(in_one_line(&error))
        }
        error => Weighed::Failed(in_one_line(&error)),
    }
}

impl From<Weighed> for Outcome {
    fn from(weighed: Weighed) -> Self {
        match weighed {
            Weighed::Refused(reason) | Weighed::Failed(reason) => Self::Failed(reason),
            Weighed::Trouble(reason) => Self::Trouble(reason),
        }
    }
}

/// Writes the refusal down before anybody hears of it.
async fn refuse(ledger: &Ledger, key: Uuid, reason: String, by: &str) -> Outcome {
    let refusal = RefuseLine { line: key, reason: reason.clone() };
    match ledger.refusals().execute(refusal).id(key).by(by).await {
        // Somebody who plays the same statement at the same time was faster: it is written down.
        Ok(_) | Err(CommandError::AlreadyExists { .. }) => Outcome::Failed(format!("refused: {reason}")),
        Err(error) => Outcome::Trouble(in_one_line(&error)),
    }
}
