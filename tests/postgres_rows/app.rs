//! A projection that keeps rows, in an app: built, read, built anew.

use crate::kit::*;
use es_core::prelude::*;
use es_core::sqlx;
use es_core::store::PgStore;

#[event]
pub struct Sold {
    pub item: String,
    pub price: i64,
}

#[aggregate_id]
pub struct ShopId(u32);

#[command(Shop)]
pub struct Sell {
    #[id]
    pub shop: ShopId,
    pub item: String,
    pub price: i64,
}

#[aggregate(id = ShopId, default)]
#[derive(Default)]
pub struct Shop {
    sold: u32,
}

#[applier]
impl Shop {
    fn sold(&mut self, _: &Sold) {
        self.sold += 1;
    }
}

#[command_handler]
impl Shop {
    fn sell(_: Option<&Self>, command: Sell) -> Sold {
        Sold { item: command.item, price: command.price }
    }
}

/// What each item has brought. Version `V` is told apart by what it adds to a price.
macro_rules! turnover {
    ($module:ident, $version:literal, $more:literal $(, $inline:ident)?) => {
        pub mod $module {
            use super::*;

            #[projection(name = "turnover", version = $version $(, $inline)?)]
            pub struct Turnover;

            #[projection]
            impl Turnover {
                async fn setup(tx: &mut PgTx) -> Result<(), PgError> {
                    let sql = "CREATE TABLE turnover (item text PRIMARY KEY, brought bigint CHECK (brought < 1000))";
                    sqlx::query(sql).execute(&mut **tx).await.map(drop)
                }
                async fn sold(&self, e: &Sold, shop: &ShopId, tx: &mut PgTx) -> Result<(), PgError> {
                    let sql = "INSERT INTO turnover AS stored VALUES ($1, $2)
                        ON CONFLICT (item) DO UPDATE SET brought = stored.brought + excluded.brought";
                    let item = format!("{} of {shop}", e.item);
                    sqlx::query(sql).bind(item).bind(e.price + $more).execute(&mut **tx).await.map(drop)
                }
            }
        }
    };
}
turnover!(one, 1, 0);
turnover!(two, 2, 100);
turnover!(at_once, 3, 0, inline);

/// Another one, whose table has the same name.
#[projection]
pub struct Refunds;

#[projection]
impl Refunds {
    async fn setup(tx: &mut PgTx) -> Result<(), PgError> {
        sqlx::query("CREATE TABLE turnover (x int)").execute(&mut **tx).await.map(drop)
    }
    async fn sold(&self, _: &Sold, _: &mut PgTx) {}
}

macro_rules! app {
    ($store:expr, $projection:ty) => {
        App::builder($store.clone()).aggregate::<Shop>().projection::<$projection>().build().await
    };
}

async fn sell(app: &App, item: &str, price: i64) -> Result<(), String> {
    let sold = app.execute(Sell { shop: ShopId(1), item: item.into(), price }).await;
    sold.map(drop).map_err(|error| match error {
        CommandError::Inline { reactor, source } => format!("{reactor}: {source}"),
        error => error.to_string(),
    })
}

/// What readers see.
async fn rows(store: &PgStore) -> Vec<(String, i64)> {
    let sql = "SELECT item, brought FROM turnover ORDER BY item";
    store.read(async |rows| sqlx::query_as(sql).fetch_all(rows).await).await.unwrap()
}

fn brought(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter().map(|&(item, price)| (format!("{item} of 1"), price)).collect()
}

/// The schemas of builds.
async fn builds(place: &Place) -> Vec<String> {
    let sql =
        "SELECT schemaname::text FROM pg_tables WHERE tablename = 'turnover' AND starts_with(schemaname, $1)
        ORDER BY 1";
    let query = sqlx::query_scalar(sql).bind(&place.schema);
    let names: Vec<String> = query.fetch_all(&mut session().await).await.unwrap();
    names.iter().map(|name| name.replace(&place.schema, "es")).collect()
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn rows_are_read_through_a_view_which_a_new_version_takes_over() {
    let place = Place::new().await;
    let app = app!(place.store, one::Turnover).unwrap();
    assert_eq!(rows(&place.store).await, []);
    for (item, price) in [("tea", 3), ("cup", 5), ("tea", 3)] {
        sell(&app, item, price).await.unwrap();
    }
    app.drain().await.unwrap();
    assert_eq!(rows(&place.store).await, brought(&[("cup", 5), ("tea", 6)]));

    place.run("CREATE ROLE reader_of_{es}; GRANT SELECT ON {es}_rows.turnover TO reader_of_{es}").await;
    let new = app!(place.store, two::Turnover).unwrap();
    assert_eq!(rows(&place.store).await, brought(&[("cup", 5), ("tea", 6)]));
    new.drain().await.unwrap();
    assert_eq!(rows(&place.store).await, brought(&[("cup", 105), ("tea", 206)]));
    let granted = "SELECT has_table_privilege('reader_of_{es}', '{es}_rows.turnover', 'SELECT')::int::bigint";
    assert_eq!(place.number(granted).await, 1, "readers keep their rights");

    new.rebuild("turnover").await.unwrap();
    new.drain().await.unwrap();
    assert_eq!(rows(&place.store).await, brought(&[("cup", 105), ("tea", 206)]));
    assert_eq!(builds(&place).await.last().unwrap(), "es__turnover_2_2");
    assert!(!builds(&place).await.contains(&"es__turnover_2_1".to_owned()), "{:?}", builds(&place).await);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_method_that_fails_stops_behind_the_rows_before_it() {
    let place = Place::new().await;
    let app = app!(place.store, one::Turnover).unwrap();
    for (item, price) in [("tea", 3), ("cup", 2_000), ("tea", 3)] {
        sell(&app, item, price).await.unwrap();
    }
    let said = app.drain().await.unwrap_err().to_string();
    assert!(said.contains("`sold` failed on event \"Sold\" at position 2"), "{said}");
    assert!(said.contains("violates check constraint"), "{said}");
    assert_eq!(rows(&place.store).await, brought(&[("tea", 3)]));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_view_of_another_projection_is_left_to_it() {
    let place = Place::new().await;
    let app = app!(place.store, one::Turnover).unwrap();
    sell(&app, "tea", 3).await.unwrap();
    app.drain().await.unwrap();
    let faulty = app!(place.store, Refunds).unwrap_err();
    assert_eq!(
        faulty.faults(),
        [
            "projection \"refunds\": there is a view \"turnover\" already, which is not of this projection: give the \
          table another name, as in `CREATE TABLE other_turnover`"
        ]
    );
    assert_eq!(rows(&place.store).await, brought(&[("tea", 3)]));
    assert_eq!(builds(&place).await, ["es__turnover_1_1", "es_rows"][..1]);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn an_inline_row_is_there_as_soon_as_the_command_is_answered() {
    let place = Place::new().await;
    let app = app!(place.store, at_once::Turnover).unwrap();
    sell(&app, "tea", 3).await.unwrap();
    sell(&app, "tea", 4).await.unwrap();
    assert_eq!(rows(&place.store).await, brought(&[("tea", 7)]));
    let refused = sell(&app, "tea", 2_000).await.unwrap_err();
    assert!(refused.starts_with("turnover: ") && refused.contains("violates check constraint"), "{refused}");
    assert_eq!(rows(&place.store).await, brought(&[("tea", 7)]));
    app.rebuild("turnover").await.unwrap();
    sell(&app, "cup", 5).await.unwrap();
    assert_eq!(rows(&place.store).await, brought(&[("cup", 5), ("tea", 7)]));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn inline_rows_of_many_writers_beside_a_rebuild_are_counted_once() {
    let place = Place::new().await;
    let app = app!(place.store, at_once::Turnover).unwrap();
    sell(&app, "tea", 1).await.unwrap();
    let running = app.start().await.unwrap();
    let sellers: Vec<_> = (0..4)
        .map(|seller| {
            let app = app.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    let command = Sell { shop: ShopId(seller), item: "tea".into(), price: 1 };
                    app.execute(command).await.unwrap();
                }
            })
        })
        .collect();
    app.rebuild("turnover").await.unwrap();
    for seller in sellers {
        seller.await.unwrap();
    }
    running.stop().await.unwrap();
    app.drain().await.unwrap();
    let sold: i64 = rows(&place.store).await.iter().map(|(_, brought)| brought).sum();
    assert_eq!(sold, 81);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_reader_can_be_spawned() {
    let place = Place::new().await;
    let app = app!(place.store, one::Turnover).unwrap();
    sell(&app, "tea", 3).await.unwrap();
    app.drain().await.unwrap();
    let store = place.store.clone();
    let read = tokio::spawn(async move { rows(&store).await });
    assert_eq!(read.await.unwrap(), brought(&[("tea", 3)]));
}
