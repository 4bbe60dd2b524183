//! The mail that says that an order is on its way: one for each order, whatever is built again later.

use crate::kit::{recorded, time};
use crate::orders::{Order, OrderBoard, OrderError, OrderShipped, PayOrder, place, ship};
use es_core::prelude::*;
use es_testing::prelude::*;
use std::sync::{Arc, Mutex};

/// The mails that were sent: to whom, with which tracking number.
#[derive(Default)]
pub struct Outbox(Mutex<Vec<(String, String)>>);

impl Outbox {
    fn sent(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }
}

/// Mails whoever has placed the order, whose address is in the order as it was then.
#[reactor]
pub struct ShippedMail;

#[reactor]
impl ShippedMail {
    async fn shipped(
        &self,
        e: &OrderShipped,
        order: &u32,
        env: &Envelope,
        app: &App,
        outbox: &Outbox,
    ) -> Result<(), LoadError> {
        if let Some(order) = app.load_as_of::<Order>(order, AsOf::Version(env.version)).await? {
            outbox.0.lock().unwrap().push((order.email.clone(), e.tracking.clone()));
        }
        Ok(())
    }
}

struct Office {
    app: App,
    outbox: Arc<Outbox>,
}

async fn office(store: impl EventStore, clock: &VirtualClock) -> Office {
    let outbox = Arc::new(Outbox::default());
    let app = App::builder(store)
        .aggregate::<Order>()
        .projection::<OrderBoard>()
        .reactor::<ShippedMail>()
        .service::<Outbox>(outbox.clone())
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    Office { app, outbox }
}

fn today() -> VirtualClock {
    VirtualClock::at(time("2026-03-01T10:00:00Z"))
}

/// A mail as it should be.
fn mail() -> (String, String) {
    ("a@b.c".into(), "T1".into())
}

async fn order_and_pay(app: &App, order: u32) {
    app.execute(place(order)).await.unwrap();
    app.execute(PayOrder { order }).await.unwrap();
}

on_every_store! {
    ac_16_shipping_sends_one_mail,
    ac_16_what_is_built_or_read_again_sends_none,
    ac_16_what_is_refused_sends_none,
    an_import_of_a_three_year_log_before_the_first_start_sends_no_mail,
}

async fn ac_16_shipping_sends_one_mail(store: impl EventStore) {
    let office = office(store, &today()).await;
    order_and_pay(&office.app, 9).await;
    office.app.drain().await.unwrap();
    assert_eq!(office.outbox.sent(), []);
    office.app.execute(ship(9)).await.unwrap();
    office.app.drain().await.unwrap();
    assert_eq!(office.outbox.sent(), [mail()]);
}

async fn ac_16_what_is_built_or_read_again_sends_none(store: impl EventStore + Clone) {
    let clock = today();
    let before = office(store.clone(), &clock).await;
    order_and_pay(&before.app, 9).await;
    before.app.execute(ship(9)).await.unwrap();
    before.app.drain().await.unwrap();
    before.app.rebuild("order_board").await.unwrap();
    before.app.drain().await.unwrap();
    assert_eq!(before.outbox.sent(), [mail()]);

    let after = office(store, &clock).await;
    after.app.drain().await.unwrap();
    for version in 1..=3 {
        after.app.load_as_of::<Order>(&9, AsOf::Version(version)).await.unwrap().unwrap();
    }
    after.app.load_as_of::<Order>(&9, AsOf::Time(clock.now())).await.unwrap().unwrap();
    after.app.drain().await.unwrap();
    assert_eq!(after.outbox.sent(), []);
}

async fn ac_16_what_is_refused_sends_none(store: impl EventStore + Clone) {
    let office = office(store.clone(), &today()).await;
    order_and_pay(&office.app, 9).await;
    office.app.execute(ship(9)).await.unwrap();
    let again = office.app.execute(ship(9)).await.unwrap_err();
    assert!(matches!(again, CommandError::Rejected(OrderError::AlreadyShipped)), "{again}");
    office.app.drain().await.unwrap();
    assert_eq!((recorded(&store).await, office.outbox.sent()), (3, vec![mail()]));
}

async fn an_import_of_a_three_year_log_before_the_first_start_sends_no_mail(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(time("2023-03-01T10:00:00Z"));
    let import = App::builder(store.clone()).aggregate::<Order>().clock(clock.clone()).build().await.unwrap();
    for order in 0..36 {
        order_and_pay(&import, order).await;
        import.execute(ship(order)).await.unwrap();
        clock.advance(std::time::Duration::from_hours(30 * 24));
    }
    import.execute(place(36)).await.unwrap();

    let office = office(store, &clock).await;
    office.app.drain().await.unwrap();
    assert_eq!(office.outbox.sent(), []);
    // What is shipped from now on has its mail, also where the order is an old one.
    office.app.execute(PayOrder { order: 36 }).await.unwrap();
    office.app.execute(ship(36)).await.unwrap();
    office.app.drain().await.unwrap();
    assert_eq!(office.outbox.sent(), [mail()]);
}
