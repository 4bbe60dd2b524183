//! Both contexts, each on a store of its own, and connected.

use crate::calendar::{BeginDay, Calendar, StoryClock};
use crate::ecommerce::{self, ecommerce};
use crate::error::ShopError;
use crate::logs::{Address, Logs, Site};
use crate::mailbox::Mailbox;
use crate::orders::bank::{Cards, TestCards};
use crate::orders::mail::Mailer;
use crate::orders::stock_levels::ShowsStock;
use crate::orders::stock_levels::documents::StockLevel;
use crate::orders::{self, orders};
use crate::public::{Door, Post};
use es_core::prelude::*;
use es_core::store::{MemoryStore, StoredProcessor};
use es_core::{DrainError, Running};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// The two contexts, and the days that both of them live in.
pub struct Shop {
    /// What customers see.
    pub ecommerce: Room,
    /// What happens behind it.
    pub orders: Room,
    calendar: App,
    clock: StoryClock,
    /// Whether it has been asked to end.
    ending: watch::Sender<bool>,
}

/// A context that is there: its app, and its log.
pub struct Room {
    /// Its app.
    pub app: App,
    store: Arc<dyn EventStore>,
}

impl Room {
    /// Where its log ends.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn head(&self) -> Result<Position, ShopError> {
        Ok(self.store.head().await?)
    }

    /// What follows its log, and who has the lease of that.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn processors(&self) -> Result<Vec<StoredProcessor>, ShopError> {
        Ok(self.store.processors("").await?)
    }
}

impl Shop {
    /// A shop that forgets everything.
    ///
    /// # Errors
    /// If the model has a fault.
    pub async fn in_memory(mailer: Arc<dyn Mailer>) -> Result<Self, ShopError> {
        Self::on(MemoryStore::new(), MemoryStore::new(), mailer, StoryClock::default()).await
    }

    /// A shop on these stores.
    ///
    /// # Errors
    /// If the model has a fault, or a store does not answer.
    pub async fn on<E: EventStore + Clone, O: ShowsStock>(
        ecommerce_store: E,
        orders_store: O,
        mailer: Arc<dyn Mailer>,
        clock: StoryClock,
    ) -> Result<Self, ShopError> {
        // An app of its own: no customer lets a day begin.
        let calendar = App::builder(ecommerce_store.clone()).clock(clock.clone()).aggregate::<Calendar>();
        let calendar = calendar.build().await?;
        clock.set(Calendar::today(&calendar).await?).map_err(ShopError::Clock)?;

        // Each context hands its letters to a door, behind which the inbox of the other one will be.
        let (to_orders, to_ecommerce) = (Arc::new(Door::default()), Arc::new(Door::default()));
        let door = to_ecommerce.clone();
        let shop_app = ecommerce(App::builder(ecommerce_store.clone()).clock(clock.clone()))
            .service::<dyn Post>(to_orders.clone())
            .service_with::<ecommerce::inbox::Inbox>(move |app| {
                let inbox = Arc::new(ecommerce::inbox::Inbox::new(app));
                door.open(&inbox);
                inbox
            })
            .build()
            .await?;
        let orders_app = orders(App::builder(orders_store.clone()).clock(clock.clone()))
            .service::<dyn Cards>(Arc::new(TestCards))
            .service::<dyn Mailer>(mailer)
            .service::<dyn Post>(to_ecommerce)
            .service_with::<orders::inbox::Inbox>(move |app| {
                let inbox = Arc::new(orders::inbox::Inbox::new(app));
                to_orders.open(&inbox);
                inbox
            })
            .build()
            .await?;
        Ok(Self {
            ecommerce: Room { app: shop_app, store: Arc::new(ecommerce_store) },
            orders: Room { app: orders_app, store: Arc::new(orders_store) },
            calendar,
            clock,
            ending: watch::Sender::new(false),
        })
    }

    /// The day that it is; 0 before the first.
    pub fn today(&self) -> u32 {
        self.clock.day()
    }

    /// Lets a day begin, if nobody has.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub async fn begin_day(&self, day: u32) -> Result<(), ShopError> {
        self.calendar.execute(BeginDay::of(day)).await.map_err(|error| ShopError::Day(error.into()))?;
        self.clock.set(day).map_err(ShopError::Clock)
    }

    /// Lets time go by.
    ///
    /// # Errors
    /// [`ShopError::Ending`] as soon as it is asked to end.
    pub async fn pause(&self, time: Duration) -> Result<(), ShopError> {
        let mut ending = self.ending.subscribe();
        match timeout(time, ending.wait_for(|is_ending| *is_ending)).await {
            Ok(_) => Err(ShopError::Ending),
            Err(_) => Ok(()),
        }
    }

    /// Asks whoever waits for [quiet](Self::quiet) to end: what is begun is done, and nothing else is begun.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Runs both contexts side by side.
    ///
    /// # Errors
    /// If they run already.
    pub async fn start(&self) -> Result<(Running, Running), ShopError> {
        Ok((self.ecommerce.app.start().await?, self.orders.app.start().await?))
    }

    /// Waits until nothing is left to do today, here and there: until a look at both has found nothing new. What
    /// another process is at is waited for, and so is one that was killed, until its leases have run out.
    ///
    /// # Errors
    /// If something has stopped; [`ShopError::Ending`] if it is asked to.
    pub async fn quiet(&self) -> Result<(), ShopError> {
        loop {
            if *self.ending.borrow() {
                return Err(ShopError::Ending);
            }
            let before = (self.ecommerce.head().await?, self.orders.head().await?);
            let (ecommerce, orders) = tokio::join!(self.ecommerce.app.drain(), self.orders.app.drain());
            match ecommerce.and(orders) {
                Err(DrainError::Held { .. }) => continue,
                done => done?,
            }
            if before == (self.ecommerce.head().await?, self.orders.head().await?) {
                return Ok(());
            }
        }
    }
}

/// A shop that is open: its logs, a folder with its mailbox and the clock on its wall, and who else may be at
/// work there.
pub struct ShopFolder {
    /// The shop.
    pub shop: Shop,
    /// Where its mails arrive.
    pub mailbox: Mailbox,
    logs: Logs,
    /// Where nobody else may work. Unlocked when it is closed, however the process ends.
    lock: Option<File>,
}

impl ShopFolder {
    /// Opens a shop on its logs, and makes the folder if it is not there. Files are for one process; on servers as
    /// many may work as like, as long as they share the folder.
    ///
    /// # Errors
    /// [`ShopError::InUse`] if another process has the files; else if something cannot be used.
    pub async fn open(site: &Site) -> Result<Self, ShopError> {
        let folder = &site.folder;
        let unusable = |source| ShopError::Folder { path: folder.clone(), source };
        let mailbox = Mailbox::open(&folder.join("mailbox")).map_err(unusable)?;
        let clock = StoryClock::on_wall(folder.join("days")).map_err(unusable)?;
        let lock = match &site.address {
            Address::Files(files) => Some(locked(files)?),
            Address::Postgres(_) | Address::Nats(_) => None,
        };
        let logs = Logs::open(site).await?;
        let shop = logs.shop(Arc::new(mailbox.clone()), clock).await?;
        Ok(Self { shop, mailbox, logs, lock })
    }

    /// Runs both contexts side by side, if nobody else works on them. Where others do, each works off what there is
    /// to do in its turn, when it waits for [quiet](Shop::quiet): who runs holds on to its leases, and a day that is
    /// to be over for all of them could not be told from one on which the others' timers are still due.
    ///
    /// # Errors
    /// If they run already.
    pub async fn start(&self) -> Result<Option<(Running, Running)>, ShopError> {
        if self.logs.are_shared() {
            return Ok(None);
        }
        self.shop.start().await.map(Some)
    }

    /// The stock levels, by article.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn stock_levels(&self) -> Result<Vec<(String, StockLevel)>, ShopError> {
        self.logs.stock_levels(&self.shop).await
    }

    /// Ends what was begun and lets the logs go.
    pub async fn close(self) {
        self.logs.close().await;
        // For a moment, a process that is just being started holds whatever this one has open. What is unlocked
        // is unlocked for it, too; if that fails, it is when both have let go.
        if let Some(lock) = self.lock {
            let _ = lock.unlock();
        }
    }
}

/// Makes sure that nobody else works in a folder.
fn locked(folder: &Path) -> Result<File, ShopError> {
    let unusable = |source| ShopError::Folder { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(unusable)?;
    let lock = fs::OpenOptions::new().append(true).create(true).open(folder.join("lock"));
    let lock = lock.map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(ShopError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").field("today", &self.today()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("app", &self.app).finish_non_exhaustive()
    }
}

impl fmt::Debug for ShopFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShopFolder").field("shop", &self.shop).finish_non_exhaustive()
    }
}
