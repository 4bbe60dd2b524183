//! What was passed over, when another version folds the past.

use es_core::prelude::*;
use es_core::store::MemoryStore;

#[event]
pub struct Sold {
    pub pieces: u32,
}
#[event]
pub struct Reported {
    pub sold: u32,
}

#[command(Till)]
pub struct Sell {
    #[id]
    pub till: String,
    pub pieces: u32,
}
#[command(Till)]
pub struct Report {
    #[id]
    pub till: String,
    pub sold: u32,
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Till;

#[applier]
impl Till {
    fn sold(&mut self, _: &Sold) {}
    fn reported(&mut self, _: &Reported) {}
}

#[command_handler]
impl Till {
    fn sell(&self, command: Sell) -> Sold {
        Sold { pieces: command.pieces }
    }
    fn report(&self, command: Report) -> Reported {
        Reported { sold: command.sold }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("nobody sells {0} pieces")]
pub struct Absurd(u32);

macro_rules! sales {
    ($ty:ident, $version:literal, $limit:literal, $on_failure:ident) => {
        #[reactor(
            name = "sales", key = String, version = $version, from = start, retry(max = 0), on_failure = $on_failure
        )]
        pub struct $ty {
            sold: u32,
        }

        #[reactor]
        impl $ty {
            fn sold(&mut self, e: &Sold, till: &String) -> Result<Report, Absurd> {
                if e.pieces > $limit {
                    return Err(Absurd(e.pieces));
                }
                self.sold += e.pieces;
                Ok(Report { till: till.clone(), sold: self.sold })
            }
        }
    };
}
sales!(Sales, 1, 10, park);
sales!(LaxSales, 1, 10, skip);
sales!(SalesNext, 2, 1_000, park);

macro_rules! app {
    ($store:expr, $reactor:ty) => {
        App::builder($store.clone()).aggregate::<Till>().reactor::<$reactor>().build().await.unwrap()
    };
}

async fn sell(app: &App, pieces: u32) {
    app.execute(Sell { till: "1".into(), pieces }).await.unwrap();
    app.drain().await.unwrap();
}

async fn reported(app: &App) -> Vec<u32> {
    let history = app.history::<Till>(&"1".to_owned()).await.unwrap();
    let sold = history.iter().filter_map(|event| match &event.data {
        TillEvent::Reported(Reported { sold }) => Some(*sold),
        _ => None,
    });
    sold.collect()
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_skipped_stays_skipped_in_the_next_version() {
    let store = MemoryStore::new();
    let app = app!(store, Sales);
    for pieces in [2, 100, 3] {
        sell(&app, pieces).await;
    }
    let parked = app.parked("sales").await.unwrap();
    parked.skip(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(reported(&app).await, [2, 5]);

    let next = app!(store, SalesNext);
    sell(&next, 200).await;
    assert_eq!(reported(&next).await, [2, 5, 205]);
}

#[tokio::test(start_paused = true)]
async fn what_it_has_skipped_by_itself_stays_skipped_in_the_next_version() {
    let store = MemoryStore::new();
    let app = app!(store, LaxSales);
    for pieces in [2, 100, 3] {
        sell(&app, pieces).await;
    }
    let next = app!(store, SalesNext);
    sell(&next, 200).await;
    assert_eq!(reported(&next).await, [2, 5, 205]);
}
