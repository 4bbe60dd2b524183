//! Both contexts, each on a store of its own, and connected.

use crate::calendar::{BeginDay, Calendar, StoryClock};
use crate::ecommerce::{self, ecommerce};
use crate::error::ShopError;
use crate::mailbox::Mailbox;
use crate::orders::bank::{Cards, TestCards};
use crate::orders::mail::Mailer;
use crate::orders::{self, orders};
use crate::public::{Door, Post};
use es_core::prelude::*;
use es_core::store::{MemoryStore, SqliteStore};
use es_core::{AppBuilder, Running};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The two contexts, and the days that both of them live in.
pub struct Shop {
    /// What customers see.
    pub ecommerce: Room,
    /// What happens behind it.
    pub orders: Room,
    calendar: App,
    clock: StoryClock,
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
}

impl Shop {
    /// A shop that forgets everything.
    ///
    /// # Errors
    /// If the model has a fault.
    pub async fn in_memory(mailer: Arc<dyn Mailer>) -> Result<Self, ShopError> {
        Self::on(MemoryStore::new(), MemoryStore::new(), |app| app, mailer).await
    }

    /// A shop on these stores. `rows` mounts what only the store of the orders can keep.
    ///
    /// # Errors
    /// If the model has a fault, or a store does not answer.
    pub async fn on<E: EventStore + Clone, O: EventStore + Clone>(
        ecommerce_store: E,
        orders_store: O,
        rows: impl FnOnce(AppBuilder<O>) -> AppBuilder<O>,
        mailer: Arc<dyn Mailer>,
    ) -> Result<Self, ShopError> {
        // An app of its own: no customer lets a day begin.
        let clock = StoryClock::default();
        let calendar = App::builder(ecommerce_store.clone()).clock(clock.clone()).aggregate::<Calendar>();
        let calendar = calendar.build().await?;
        clock.set(Calendar::today(&calendar).await?);

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
        let orders_app = rows(orders(App::builder(orders_store.clone()).clock(clock.clone())))
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
        })
    }

    /// The day that it is; 0 before the first.
    pub fn today(&self) -> u32 {
        self.clock.day()
    }

    /// Lets the next day begin.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub async fn next_day(&self) -> Result<(), ShopError> {
        let day = self.today() + 1;
        self.calendar.execute(BeginDay::of(day)).await.map_err(|error| ShopError::Day(error.into()))?;
        self.clock.set(day);
        Ok(())
    }

    /// Runs both contexts side by side.
    ///
    /// # Errors
    /// If they run already.
    pub async fn start(&self) -> Result<(Running, Running), ShopError> {
        Ok((self.ecommerce.app.start().await?, self.orders.app.start().await?))
    }

    /// Waits until nothing is left to do today, here and there: until a look at both has found nothing new.
    ///
    /// # Errors
    /// If something has stopped.
    pub async fn quiet(&self) -> Result<(), ShopError> {
        loop {
            let before = (self.ecommerce.head().await?, self.orders.head().await?);
            let (ecommerce, orders) = tokio::join!(self.ecommerce.app.drain(), self.orders.app.drain());
            ecommerce.and(orders)?;
            if before == (self.ecommerce.head().await?, self.orders.head().await?) {
                return Ok(());
            }
        }
    }
}

/// A shop in a folder: two databases and a mailbox, and nobody else at work in it.
pub struct ShopFolder {
    /// The shop.
    pub shop: Shop,
    /// Where its mails arrive.
    pub mailbox: Mailbox,
    ecommerce: SqliteStore,
    orders: SqliteStore,
    /// Unlocked when it is closed, however the process ends.
    lock: File,
}

impl ShopFolder {
    /// Opens a folder, and makes it if it is not there.
    ///
    /// # Errors
    /// [`ShopError::InUse`] if another process has; else if something in it cannot be used.
    pub async fn open(folder: &Path) -> Result<Self, ShopError> {
        let unusable = |source| ShopError::Folder { path: folder.to_owned(), source };
        let mailbox = Mailbox::open(&folder.join("mailbox")).map_err(unusable)?;
        let lock = fs::OpenOptions::new().append(true).create(true).open(folder.join("lock"));
        let lock = lock.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ShopError::InUse { folder: folder.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let ecommerce = open(&folder.join("ecommerce.db")).await?;
        let orders = open(&folder.join("orders.db")).await?;
        let mailer = Arc::new(mailbox.clone());
        let shop = Shop::on(ecommerce.clone(), orders.clone(), orders::rows, mailer).await?;
        Ok(Self { shop, mailbox, ecommerce, orders, lock })
    }

    /// The store of the orders, for whoever reads rows.
    pub fn orders(&self) -> &SqliteStore {
        &self.orders
    }

    /// Ends what was begun and lets the files go.
    pub async fn close(self) {
        self.ecommerce.close().await;
        self.orders.close().await;
        // For a moment, a process that is just being started holds whatever this one has open. What is unlocked
        // is unlocked for it, too; if that fails, it is when both have let go.
        let _ = self.lock.unlock();
    }
}

async fn open(path: &Path) -> Result<SqliteStore, ShopError> {
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
