//! Where the logs of both contexts are: in files, in PostgreSQL or in NATS JetStream.
//!
//! The contexts do not know. They are generic over the store, and this is the one place that names all three.

use crate::calendar::StoryClock;
use crate::error::ShopError;
use crate::orders::mail::Mailer;
use crate::orders::stock_levels::ShowsStock;
use crate::orders::stock_levels::documents::StockLevel;
use crate::shop::Shop;
use es_core::prelude::*;
use es_core::store::{NatsOptions, NatsStore, PgOpenError, PgOptions, PgStore, SqliteStore};
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Where a shop is.
#[derive(Clone, Debug)]
pub struct Site {
    /// The folder of its mailbox.
    pub folder: PathBuf,
    /// Where its logs are.
    pub address: Address,
    /// Its name, which the names of its logs begin with where others have theirs, too.
    pub name: String,
}

impl Site {
    /// A shop that is in a folder as a whole.
    pub fn folder(folder: PathBuf) -> Self {
        Self { address: Address::Files(folder.clone()), folder, name: "shop".to_owned() }
    }

    /// Makes the tables that a database needs, or brings them up, and looks whether the logs can be opened then.
    /// Answers what was done.
    ///
    /// # Errors
    /// If the server does not answer, or does not let this user do it; for files, which belong to whoever plays.
    pub async fn migrate(&self) -> Result<&'static str, ShopError> {
        let done = match &self.address {
            Address::Files(_) => {
                return Err(ShopError::NothingToMigrate { address: self.address.to_string() });
            }
            Address::Postgres(url) => {
                for name in self.logs() {
                    let migrated = PgStore::migrate(url, &PgOptions::new().schema(name)).await;
                    migrated.map_err(|source| self.unusable(source))?;
                }
                "The tables are made and up to date"
            }
            Address::Nats(_) => "There are no tables to make, and the streams are there",
        };
        Logs::open(self).await?.close().await;
        Ok(done)
    }

    /// The names of its logs.
    fn logs(&self) -> [String; 2] {
        ["ecommerce", "orders"].map(|context| format!("{}_{context}", self.name))
    }

    fn not_opened(&self, error: PgOpenError) -> ShopError {
        match error {
            PgOpenError::NotMigrated { .. } | PgOpenError::Older { .. } => {
                ShopError::NotMigrated { address: self.address.to_string() }
            }
            error => self.unusable(error),
        }
    }

    fn unusable(&self, source: impl Into<Box<dyn Error + Send + Sync>>) -> ShopError {
        ShopError::Connect { address: self.address.to_string(), source: source.into() }
    }
}

/// Where the logs are. Shown without what is secret in it.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// Two files in a folder: `sqlite:FOLDER`.
    Files(PathBuf),
    /// Two schemas of a database: `postgres://..`.
    Postgres(String),
    /// Two namespaces of a server: `nats://..`.
    Nats(String),
}

impl FromStr for Address {
    type Err = ShopError;

    fn from_str(text: &str) -> Result<Self, ShopError> {
        match text.split_once(':') {
            Some(("sqlite", folder)) if !folder.is_empty() => Ok(Self::Files(folder.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(text.to_owned())),
            Some(("nats" | "tls", _)) => Ok(Self::Nats(text.to_owned())),
            _ => Err(ShopError::Address),
        }
    }
}

impl Address {
    /// Where the mailbox is, unless somebody says so.
    pub fn folder(&self) -> PathBuf {
        match self {
            Self::Files(folder) => folder.clone(),
            Self::Postgres(_) => "shop-data-postgres".into(),
            Self::Nats(_) => "shop-data-nats".into(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(folder) => write!(f, "sqlite:{}", folder.display()),
            Self::Postgres(url) => f.write_str(&without_secrets(url, false)),
            Self::Nats(url) => f.write_str(&without_secrets(url, true)),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// URLs without users, passwords and parameters: `nats://a:4222,nats://b:4222`. Of what is no address, only the
/// scheme: a part of a password may stand where a host should.
fn without_secrets(urls: &str, is_list: bool) -> String {
    let scheme = urls.split_once(':').map_or("", |(scheme, _)| scheme);
    let (addresses, parameters) = urls.split_once('?').unwrap_or((urls, ""));
    let is_cut_in_password = parameters.rsplit_once('@').is_some_and(|(before, _)| !before.contains('='));
    // For PostgreSQL there is one user, whose password may hold what separates addresses elsewhere.
    let addresses: Vec<_> = if is_list { addresses.split(',').collect() } else { vec![addresses] };
    let shown: Option<Vec<_>> = addresses.into_iter().map(|address| without_user(address, scheme)).collect();
    match shown {
        Some(shown) if !is_cut_in_password => shown.join(","),
        _ => format!("{scheme}://.."),
    }
}

/// `None` if that is no address.
fn without_user(address: &str, default: &str) -> Option<String> {
    let (scheme, rest) = match address.trim().split_once("://") {
        Some(split) => split,
        None if address.contains('@') => return None,
        None => (default, address.trim()),
    };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let hosts = place.split_once('/').map_or(place, |(hosts, _)| hosts);
    let is_known = ["postgres", "postgresql", "nats", "tls", "ws", "wss"].contains(&scheme);
    (is_known && hosts.split(',').all(is_host)).then(|| format!("{scheme}://{place}"))
}

/// Whether that is a name or a number of a host, with a port perhaps.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let may_be = |char: char| char.is_alphanumeric() || "-._%".contains(char);
    let is_name =
        in_brackets.unwrap_or(host).chars().all(|char| may_be(char) || in_brackets.is_some() && char == ':');
    is_name && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// The logs of both contexts, in stores of one kind.
pub enum Logs {
    /// In files.
    Files(Both<SqliteStore>),
    /// In PostgreSQL.
    Postgres(Both<PgStore>),
    /// In NATS JetStream.
    Nats(Both<NatsStore>),
}

/// A store for each context.
pub struct Both<S> {
    ecommerce: S,
    orders: S,
}

impl<S: ShowsStock> Both<S> {
    async fn shop(&self, mailer: Arc<dyn Mailer>, clock: StoryClock) -> Result<Shop, ShopError> {
        Shop::on(self.ecommerce.clone(), self.orders.clone(), mailer, clock).await
    }
}

impl Logs {
    /// Opens both.
    ///
    /// # Errors
    /// If one cannot be used.
    pub async fn open(site: &Site) -> Result<Self, ShopError> {
        let [ecommerce, orders] = site.logs();
        match &site.address {
            Address::Files(folder) => {
                fs::create_dir_all(folder)
                    .map_err(|source| ShopError::Folder { path: folder.clone(), source })?;
                let ecommerce = file(&folder.join("ecommerce.db")).await?;
                let orders = file(&folder.join("orders.db")).await?;
                Ok(Self::Files(Both { ecommerce, orders }))
            }
            Address::Postgres(url) => {
                let open = |name| PgStore::connect_with(url, PgOptions::new().schema(name));
                let ecommerce = open(ecommerce).await.map_err(|error| site.not_opened(error))?;
                let orders = open(orders).await.map_err(|error| site.not_opened(error))?;
                Ok(Self::Postgres(Both { ecommerce, orders }))
            }
            Address::Nats(url) => {
                let open = |name| NatsStore::connect_with(url, NatsOptions::new().namespace(name));
                let ecommerce = open(ecommerce).await.map_err(|source| site.unusable(source))?;
                let orders = open(orders).await.map_err(|source| site.unusable(source))?;
                Ok(Self::Nats(Both { ecommerce, orders }))
            }
        }
    }

    /// Whether several processes work on them.
    pub fn are_shared(&self) -> bool {
        !matches!(self, Self::Files(_))
    }

    /// A shop on these logs.
    ///
    /// # Errors
    /// If the model has a fault, or a store does not answer.
    pub async fn shop(&self, mailer: Arc<dyn Mailer>, clock: StoryClock) -> Result<Shop, ShopError> {
        match self {
            Self::Files(both) => both.shop(mailer, clock).await,
            Self::Postgres(both) => both.shop(mailer, clock).await,
            Self::Nats(both) => both.shop(mailer, clock).await,
        }
    }

    /// The stock levels, by article, as a shop on these logs has written them.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn stock_levels(&self, shop: &Shop) -> Result<Vec<(String, StockLevel)>, ShopError> {
        let app = &shop.orders.app;
        match self {
            Self::Files(both) => both.orders.stock_levels(app).await,
            Self::Postgres(both) => both.orders.stock_levels(app).await,
            Self::Nats(both) => both.orders.stock_levels(app).await,
        }
    }

    /// Ends what was begun, and lets go of the stores.
    pub async fn close(self) {
        match self {
            Self::Files(both) => {
                both.ecommerce.close().await;
                both.orders.close().await;
            }
            Self::Postgres(both) => {
                both.ecommerce.close().await;
                both.orders.close().await;
            }
            Self::Nats(both) => {
                both.ecommerce.close().await;
                both.orders.close().await;
            }
        }
    }
}

async fn file(path: &Path) -> Result<SqliteStore, ShopError> {
    let opened = SqliteStore::open(path).await;
    let store = opened.map_err(|source| ShopError::Open { path: path.to_owned(), source })?;
    take_over(&store).await?;
    Ok(store)
}

/// Gives back the leases of a process that was killed. They would run out by themselves, but nobody else can
/// be at work here: the folder is locked.
async fn take_over(store: &SqliteStore) -> Result<(), ShopError> {
    for processor in store.processors("").await? {
        let Some(owner) = processor.owner else { continue };
        if let Some(lease) = store.acquire(&processor.name, owner, Duration::from_secs(1)).await? {
            store.release(&lease).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Address, PgOpenError, ShopError, Site};

    fn shown(address: &str) -> String {
        address.parse::<Address>().unwrap().to_string()
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (address, without) in [
            ("postgres://ann:s3cr@t@db.example:5433/shop?sslmode=require", "postgres://db.example:5433/shop"),
            ("postgres://ann:s3,cret@h/shop", "postgres://h/shop"),
            ("postgres://h/shop?user=ann&password=p@ssw0rd", "postgres://h/shop"),
            ("postgres://ann:s3,cr/e@t@one,two:5433/shop?password=p,w", "postgres://one,two:5433/shop"),
            ("postgresql:///shop?host=/run/pg", "postgresql:///shop"),
            ("postgres://ann:pw@[::1]:5432/shop", "postgres://[::1]:5432/shop"),
            ("nats://ann:pw@one:4222,nats://token@two:4222", "nats://one:4222,nats://two:4222"),
            ("tls://token@one, two:4222", "tls://one,tls://two:4222"),
            ("sqlite:my shop", "sqlite:my shop"),
        ] {
            assert_eq!(shown(address), without);
        }
        assert_eq!(format!("{:?}", "nats://pw@one".parse::<Address>().unwrap()), "nats://one");
    }

    #[test]
    fn of_what_is_no_address_only_the_scheme_is_shown() {
        for address in [
            "postgres:s3cret",
            "postgres://ann:s3cret",
            "postgres://ann:12?34@h/shop",
            "postgres://ann:12/34?56@h/shop",
            "postgres://s3 cret",
        ] {
            assert_eq!(shown(address), "postgres://..", "{address}");
        }
        for address in ["nats://ann:s3,cret@h", "nats://ann:12,34@h", "nats://a,s3://h", "nats://[s3"] {
            assert_eq!(shown(address), "nats://..", "{address}");
        }
    }

    #[tokio::test]
    async fn a_shop_is_ready_only_where_its_logs_can_be_opened() {
        // Nobody listens on a port that has just been given back.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let files = Site::folder(folder.path().join("shop"));
        for address in [format!("nats://127.0.0.1:{port}"), format!("postgres://127.0.0.1:{port}/shop")] {
            let site = Site { address: address.parse().unwrap(), ..files.clone() };
            let refused = site.migrate().await.unwrap_err();
            assert!(matches!(refused, ShopError::Connect { .. }), "{refused:?}");
        }
        let refused = files.migrate().await.unwrap_err();
        assert!(matches!(refused, ShopError::NothingToMigrate { .. }), "{refused:?}");
        assert!(!files.folder.exists(), "nothing is made");
    }

    #[test]
    fn tables_of_an_older_version_are_to_be_brought_up() {
        let site = Site { address: "postgres://h/shop".parse().unwrap(), ..Site::folder("shop".into()) };
        let refused = site.not_opened(PgOpenError::Older { found: 1, known: 2 });
        assert!(refused.to_string().contains("--migrate"), "{refused}");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in ["mysql://ann:secret@db", "shop.db", "sqlite:"] {
            let refused = text.parse::<Address>().unwrap_err();
            assert!(matches!(refused, ShopError::Address));
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
    }
}
