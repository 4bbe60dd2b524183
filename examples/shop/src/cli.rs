//! The command line.

use crate::error::{ShopError, in_one_line};
use crate::logs::{Address, Site};
use crate::narrator::Narrator;
use crate::report::report;
use crate::shop::{Shop, ShopFolder};
use crate::story::{self, Played};
use clap::Parser;
use es_core::jiff::SignedDuration;
use es_core::store::LEASE;
use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// A web shop and its order management, playing a fortnight in a few seconds.
#[derive(Debug, Parser)]
#[command(name = "shop", version)]
#[command(long_about = "A web shop and its order management, playing a fortnight in a few seconds.\n\n\
    Stop it or kill it whenever you like, and start it again: it goes on where it was. When the story is \
    over, playing it again changes nothing.\n\n\
    On PostgreSQL (`--migrate` once, then as often as you like) and on NATS JetStream several processes can play \
    it together, as long as they share the folder.")]
pub struct Cli {
    /// The folder of the shop, with its mailbox; it is made if it is not there.
    ///
    /// [default: `shop-data`, or the one of its files; `shop-data-postgres`, `shop-data-nats`]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where its events are: `sqlite:FOLDER`, `postgres://USER:PASSWORD@HOST/DATABASE` or `nats://HOST`.
    ///
    /// Whoever has a password to hide says it in `SHOP_STORE`. [default: in the folder]
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,
    /// What the names of its logs begin with in PostgreSQL and NATS, where other shops may have theirs.
    #[arg(long, value_name = "NAME", default_value = "shop")]
    pub name: String,
    /// Makes the tables of PostgreSQL, or brings them up, looks whether the logs can be opened, and does no more.
    #[arg(long)]
    pub migrate: bool,
    /// How long a day takes at least: `2s`, `500ms`.
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = time)]
    pub day: Duration,
}

impl Cli {
    /// Where the shop is.
    fn site(&self) -> Result<Site, ShopError> {
        let address = match self.store.clone().or_else(|| std::env::var("SHOP_STORE").ok()) {
            Some(store) => store.parse()?,
            None => Address::Files(self.data.clone().unwrap_or_else(|| "shop-data".into())),
        };
        let folder = self.data.clone().unwrap_or_else(|| address.folder());
        Ok(Site { folder, address, name: self.name.clone() })
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time: SignedDuration = text.parse().map_err(|error: es_core::jiff::Error| error.to_string())?;
    time.try_into().map_err(|_| "a day does not go backwards".to_owned())
}

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ShopError::Runtime);
    match runtime.and_then(|runtime| runtime.block_on(run(&cli))) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads only the first lines has seen enough.
        Err(ShopError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody takes complaints, there is nobody to complain to.
            let _ = writeln!(io::stderr(), "shop: {}", in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<(), ShopError> {
    let site = cli.site()?;
    if cli.migrate {
        let done = site.migrate().await?;
        return writeln!(io::stdout(), "{done}: {} is ready.", site.address).map_err(ShopError::Output);
    }
    let folder = ShopFolder::open(&site).await?;
    let narrator = Narrator::start(&folder.shop).await?;
    let running = folder.start().await?;
    let played = play(&folder.shop, cli.day).await;
    if let Some((ecommerce, orders)) = running {
        ecommerce.stop().await?;
        orders.stop().await?;
    }
    let ended = match played {
        Ok(played) => {
            narrator.finish(&folder.shop).await?;
            format!("\n{}\n{}", report(&folder).await?, summary(played, folder.mailbox.refused()))
        }
        Err(ShopError::Ending) => {
            format!("Stopped on day {}. Start it again, and it goes on.", folder.shop.today())
        }
        Err(error) => return Err(error),
    };
    folder.close().await;
    writeln!(io::stdout(), "{ended}").map_err(ShopError::Output)
}

/// Plays the story until it is over, or the program is to end. Then what is begun is done first, unless that takes
/// longer than the leases last that would be left behind: who waits for them waits no longer than that.
async fn play(shop: &Shop, day: Duration) -> Result<Played, ShopError> {
    let mut playing = pin!(story::play(shop, day));
    tokio::select! {
        played = &mut playing => return played,
        asked = asked_to_stop() => asked.map_err(ShopError::Runtime)?,
    }
    shop.end();
    timeout(LEASE, playing).await.unwrap_or(Err(ShopError::Ending))
}

/// Waits until the program is to end: Ctrl-C says so, and SIGTERM, by which those who run it do.
async fn asked_to_stop() -> io::Result<()> {
    #[cfg(unix)]
    let terminated = async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        terminated.recv().await;
        Ok(())
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending();
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        terminated = terminated => terminated,
    }
}

fn summary(played: Played, refused: u64) -> String {
    let Played { recorded, known } = played;
    let lines = recorded + known;
    let repeated =
        if refused > 0 { format!(" {refused} repeated mails were not accepted.") } else { String::new() };
    if recorded == 0 {
        format!("All {lines} lines of the story were played before: nothing has changed.{repeated}")
    } else {
        format!("{lines} lines of the story: {recorded} played now, {known} before.{repeated}")
    }
}
