//! The command line: what can be asked for, and what becomes of it.

use crate::account::AccountId;
use crate::error::{BankError, in_one_line};
use crate::ledger::Ledger;
use crate::play::{self, Options, Outcome, Played, Summary};
use crate::print;
use clap::{Args, Parser, Subcommand};
use es_core::prelude::*;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The statement that is played when nothing else is asked for.
const DEMO: &str = include_str!("../statements/demo.jsonl");

/// A small bank on one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "bank", version, after_help = AFTER_HELP, subcommand_help_heading = "What to do")]
#[command(long_about = "A small bank on one SQLite file.\n\n\
    Without a command it plays a bundled statement and shows the accounts. Every line of a statement counts \
    once, so it can be played as often as you like.")]
pub struct Cli {
    /// The database; it is made by the first statement.
    #[arg(long, global = true, env = "BANK_DB", value_name = "FILE", default_value = "bank.db")]
    pub db: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub task: Option<Task>,
}

const AFTER_HELP: &str = "\
Exit status: 0 if all went well, 1 if something failed or was refused, 2 if the command line makes no sense.";

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Play a statement: commands as lines of JSON.
    #[command(long_about = RUN, after_long_help = STATEMENT)]
    Run(Run),
    /// Look at what is there.
    #[command(flatten)]
    Look(Look),
}

/// What can be looked at; it changes nothing.
#[derive(Debug, Subcommand)]
pub enum Look {
    /// List all accounts, open and closed.
    Accounts,
    /// Show one account, now or as it was at some time.
    Show {
        /// The name of the account.
        account: AccountId,
        /// The time to look at, with everything that was recorded up to it: 2026-02-01T12:00:00Z.
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
    },
    /// Show all that happened to an account: when, what, and by whom.
    History {
        /// The name of the account.
        account: AccountId,
    },
}

/// How to play a statement.
#[derive(Debug, Args)]
pub struct Run {
    /// The statement; `-` is the standard input.
    #[arg(value_name = "FILE")]
    pub statement: PathBuf,
    /// Stop at the first line that fails. Lines are then played one by one, which is slower.
    #[arg(long)]
    pub strict: bool,
    /// Print an answer for every line that is recorded, as JSON; it is safe on the disk by then.
    #[arg(long)]
    pub answers: bool,
    /// On whose behalf; the history shows it.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "unknown")]
    pub by: String,
}

const RUN: &str = "\
Play a statement: commands as lines of JSON.

Lines of one account are carried out in their order, lines of different accounts at the same time. What is wrong \
with a line is said with its number on the standard error, and the others go on.

Every line counts once. Play a statement again, after a crash or for no reason at all, and what was recorded \
stays as it is, what was refused stays refused, and the rest is done.";

const STATEMENT: &str = "\
The lines of a statement:
  {\"id\": \"1\", \"command\": \"OpenAccount\", \"account\": \"ann\", \"owner\": \"Ann Winter\", \"currency\": \"EUR\"}
  {\"id\": \"2\", \"command\": \"Deposit\", \"account\": \"ann\", \"amount\": 12500}
  {\"id\": \"3\", \"command\": \"Withdraw\", \"account\": \"ann\", \"amount\": 2500}
  {\"id\": \"4\", \"command\": \"Transfer\", \"from\": \"ann\", \"to\": \"bob\", \"amount\": 1000}
  {\"id\": \"5\", \"command\": \"CloseAccount\", \"account\": \"ann\"}

Amounts are whole cents. The currency is EUR, CHF, GBP or USD, and EUR where none is given. The id is yours to
choose: the first line that an account takes under an id counts, and later ones with that id change nothing. A
line that was refused stays refused; put it right, and it is another line. A line has at most 64 KiB.";

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(BankError::Start)
        .and_then(|runtime| runtime.block_on(carry_out(&cli)));
    match done {
        Ok(code) => code,
        Err(error) => {
            complain(&in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(cli: &Cli) -> Result<ExitCode, BankError> {
    match &cli.task {
        None => demo(&cli.db).await,
        Some(Task::Run(run)) => run_statement(&cli.db, run).await,
        Some(Task::Look(look)) => {
            let ledger = Ledger::open_existing(&cli.db).await?;
            let done = look_up(&ledger, look).await;
            ledger.close().await;
            done.map(|()| ExitCode::SUCCESS)
        }
    }
}

/// Answers what changes nothing.
async fn look_up(ledger: &Ledger, look: &Look) -> Result<(), BankError> {
    match look {
        Look::Accounts => {
            let accounts = ledger.list().await?;
            output(|out| print::accounts(out, &accounts))
        }
        Look::Show { account, at } => match (ledger.find(account, *at).await?, at) {
            (Some(found), _) => output(|out| print::account(out, &found)),
            (None, Some(at)) => Err(BankError::NotYet { account: account.to_string(), at: *at }),
            (None, None) => Err(BankError::NoAccount { account: account.to_string() }),
        },
        Look::History { account } => {
            let history = ledger.history(account).await?;
            if history.is_empty() {
                return Err(BankError::NoAccount { account: account.to_string() });
            }
            output(|out| print::history(out, &history))
        }
    }
}

/// Plays the bundled statement and shows what came of it.
async fn demo(db: &Path) -> Result<ExitCode, BankError> {
    let ledger = Ledger::open(db).await?;
    let options = Options { by: "demo".into(), strict: false };
    let played = play::play(&ledger, "the bundled statement", DEMO.as_bytes(), &options, |played| {
        complain_of(played);
        Ok(())
    });
    let summary = played.await?;
    let accounts = ledger.list().await?;
    ledger.close().await;
    let db = db.display();
    output(|out| {
        writeln!(out, "The bundled statement, played into {db}:")?;
        writeln!(out, "{}\n", print::summary(&summary))?;
        print::accounts(out, &accounts)?;
        writeln!(out, "\nPlay it again: every line has an id and counts once, so nothing will change.")?;
        writeln!(out, "Then try `cargo run -p bank -- --db {db} history ann`, or `show ann` in its place.")?;
        writeln!(out, "`cargo run -p bank -- --help` says what else there is.")
    })?;
    Ok(exit_code(&summary))
}

async fn run_statement(db: &Path, run: &Run) -> Result<ExitCode, BankError> {
    let (name, source, size) = open_statement(&run.statement)?;
    let ledger = Ledger::open(db).await?;
    let bar = progress(size);
    let options = Options { by: run.by.clone(), strict: run.strict };
    let played = play::play(&ledger, &name, source, &options, |played| {
        bar.set_position(played.end);
        if let (true, Some(answer)) = (run.answers, answer(played)) {
            bar.suspend(|| writeln!(io::stdout(), "{answer}"))?;
        }
        bar.suspend(|| complain_of(played));
        Ok(())
    });
    let played = played.await;
    bar.finish_and_clear();
    ledger.close().await;
    let summary = played?;
    let mut sentence = print::summary(&summary);
    if run.strict && summary.failed > 0 {
        sentence += " That is where it stopped.";
    }
    if run.answers {
        // The standard output is for whoever reads the answers.
        complain_plainly(&sentence);
    } else {
        output(|out| writeln!(out, "{sentence}"))?;
    }
    Ok(exit_code(&summary))
}

type Source = Box<dyn Read + Send>;

/// The statement by its name, and its size where that is known.
fn open_statement(path: &Path) -> Result<(String, Source, Option<u64>), BankError> {
    if path == Path::new("-") {
        return Ok(("the standard input".into(), Box::new(io::stdin()), None));
    }
    let name = path.display().to_string();
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    match opened {
        Ok((metadata, file)) => Ok((name, Box::new(file), metadata.is_file().then_some(metadata.len()))),
        Err(source) => Err(BankError::Statement { name, source }),
    }
}

/// A bar on a terminal, and nothing anywhere else.
fn progress(size: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    let template = match size {
        Some(_) => "{bar:40} {percent:>3} %  {bytes} of {total_bytes}, {eta} left",
        None => "{spinner} {bytes} played",
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What the caller is told of a line that is recorded.
fn answer(played: &Played) -> Option<Value> {
    let Outcome::Recorded(answer) = &played.outcome else { return None };
    let mut told = json!({ "line": played.number, "id": played.id });
    for part in ["reply", "version", "position", "duplicate"] {
        if let Some(value) = answer.get(part).filter(|value| !value.is_null()) {
            told[part] = value.clone();
        }
    }
    Some(told)
}

/// Says on the standard error what is wrong with a line, if anything is.
fn complain_of(played: &Played) {
    if let Outcome::Failed(reason) = &played.outcome {
        let id = played.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        complain_plainly(&format!("line {}{id}: {reason}", played.number));
    }
}

fn complain(text: &str) {
    complain_plainly(&format!("bank: {text}"));
}

fn complain_plainly(text: &str) {
    // There is nobody left to tell that the standard error is gone.
    let _ = writeln!(io::stderr(), "{}", print::plain(text));
}

/// Prints to the standard output. Whoever reads only the first lines of it has read enough.
fn output(print: impl FnOnce(&mut BufWriter<io::StdoutLock<'_>>) -> io::Result<()>) -> Result<(), BankError> {
    let mut out = BufWriter::new(io::stdout().lock());
    match print(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(BankError::Output(error)),
        _ => Ok(()),
    }
}

fn exit_code(summary: &Summary) -> ExitCode {
    if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
