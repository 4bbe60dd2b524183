//! Those who follow the log by themselves: a shop's tills, its doors, and who watches them.

use es_core::Subscription;
use es_core::prelude::*;
use std::time::Duration;
use tests::place::{Anywhere, positions as log};
use tokio::task::JoinSet;
use tokio::time::timeout;

#[event]
pub struct Sold {
    pub amount: u64,
}
#[event]
pub struct Refunded {
    pub amount: u64,
}
#[event]
pub struct Entered;

#[command(Till)]
pub struct Sell {
    #[id]
    pub till: u64,
    pub amounts: Vec<u64>,
}
#[command(Till)]
pub struct Refund {
    #[id]
    pub till: u64,
    pub amount: u64,
}
#[command(Door)]
pub struct Enter {
    #[id]
    pub door: u64,
}

#[aggregate(id = u64, default)]
#[derive(Default)]
pub struct Till {
    sum: i128,
}
#[aggregate(id = u64, default)]
#[derive(Default)]
pub struct Door {
    visitors: u64,
}

#[applier]
impl Till {
    fn sold(&mut self, e: &Sold) {
        self.sum += i128::from(e.amount);
    }
    fn refunded(&mut self, e: &Refunded) {
        self.sum -= i128::from(e.amount);
    }
}
#[applier]
impl Door {
    fn entered(&mut self, _: &Entered) {
        self.visitors += 1;
    }
}

#[command_handler]
impl Till {
    fn sell(&self, command: Sell) -> Vec<Sold> {
        command.amounts.into_iter().map(|amount| Sold { amount }).collect()
    }
    fn refund(&self, command: Refund) -> Refunded {
        Refunded { amount: command.amount }
    }
}
#[command_handler]
impl Door {
    fn enter(&self, _: Enter) -> Entered {
        Entered
    }
}

async fn shop(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Till>().aggregate::<Door>().build().await.unwrap()
}

/// Sells once for each amount, in one commit.
async fn sell(app: &App, till: u64, amounts: impl IntoIterator<Item = u64>) {
    app.execute(Sell { till, amounts: amounts.into_iter().collect() }).await.unwrap();
}

/// A day with something of everything: events 1 and 4 are till 1, 2 is till 2, 3 the door, 5 a refund.
async fn a_day(app: &App) {
    sell(app, 1, [10]).await;
    sell(app, 2, [20]).await;
    app.execute(Enter { door: 1 }).await.unwrap();
    sell(app, 1, [30]).await;
    app.execute(Refund { till: 2, amount: 20 }).await.unwrap();
}

/// The next event, which has to come.
async fn next<T>(events: &mut Subscription<T>) -> T {
    let next = timeout(Duration::from_secs(30), events.next()).await.expect("the next event is late");
    next.expect("a subscription goes on").unwrap()
}

/// The positions of the next events.
async fn positions(events: &mut Subscription, count: usize) -> Vec<Position> {
    let mut positions = Vec::new();
    while positions.len() < count {
        positions.push(next(events).await.position);
    }
    positions
}

/// Which events are asked for, from a day and the day after it; the first is 1.
async fn of_two_days(store: impl EventStore + Clone, filter: Filter, count: usize) -> Vec<usize> {
    let app = shop(store.clone()).await;
    a_day(&app).await;
    let mut events = app.subscribe(SubscribeFrom::Start, filter);
    let mut found = positions(&mut events, count).await;
    a_day(&app).await;
    found.extend(positions(&mut events, count).await);
    let all = log(&store).await;
    found.into_iter().filter_map(|found| all.binary_search(&found).ok()).map(|place| place + 1).collect()
}

on_every_store! {
    ac_61_a_position_that_is_done_is_not_delivered_again,
    ac_61_whoever_fails_goes_on_from_the_last_place,
    ac_61_nothing_is_missed_between_old_and_new,
    many_subscribers_see_the_same,
    a_subscription_to_a_category,
    a_subscription_to_a_stream,
    a_subscription_to_names,
    a_subscription_from_now_on,
    an_aggregates_events_come_as_its_own,
    an_event_that_is_not_waited_for_comes_later,
    a_place_moves_over_what_is_not_asked_for,
    a_redacted_event_is_delivered_without_its_payload,
    a_subscription_outlives_the_app,
}

async fn ac_61_a_position_that_is_done_is_not_delivered_again(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    sell(&app, 1, 1..=21).await;
    let all = log(&store).await;
    let event = next(&mut app.subscribe(all[19], Filter::default())).await;
    assert_eq!((event.position, event.envelope.version), (all[20], 21));
}

async fn ac_61_whoever_fails_goes_on_from_the_last_place(store: impl EventStore + Clone) {
    struct Jammed;
    /// Prints receipts until the printer jams; the place is that of the last one.
    async fn print(app: &App, place: &mut Position, jams_at: u64) -> Result<Vec<u64>, Jammed> {
        let mut printed = Vec::new();
        let mut events = app.subscribe(*place, Filter::all());
        while printed.last() != Some(&30) {
            let event = next(&mut events).await;
            if event.envelope.version == jams_at {
                return Err(Jammed);
            }
            *place = event.position;
            printed.push(event.envelope.version);
        }
        Ok(printed)
    }
    let app = shop(store.clone()).await;
    sell(&app, 1, 1..=30).await;
    let mut place = Position(0);
    assert!(print(&app, &mut place, 12).await.is_err());
    assert_eq!(place, log(&store).await[10]);
    let printed = print(&app, &mut place, 0).await.ok();
    assert_eq!(printed, Some((12..=30).collect()));
}

async fn a_subscription_to_a_category(store: impl EventStore + Clone) {
    assert_eq!(of_two_days(store, Filter::category("till"), 4).await, [1, 2, 4, 5, 6, 7, 9, 10]);
}

async fn a_subscription_to_a_stream(store: impl EventStore + Clone) {
    assert_eq!(of_two_days(store, Filter::stream(Till::stream(&1)), 2).await, [1, 4, 6, 9]);
}

async fn a_subscription_to_names(store: impl EventStore + Clone) {
    assert_eq!(of_two_days(store, Filter::all().names(["Entered", "Refunded"]), 2).await, [3, 5, 8, 10]);
}

async fn a_subscription_from_now_on(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    a_day(&app).await;
    let mut events = app.subscribe(SubscribeFrom::Now, Filter::all());
    assert_eq!(events.position(), None);
    assert_eq!(events.started().await, log(&store).await[4]);
    sell(&app, 1, [40]).await;
    let sixth = log(&store).await[5];
    assert_eq!(next(&mut events).await.position, sixth);
    assert_eq!(events.position(), Some(sixth));
}

async fn an_aggregates_events_come_as_its_own(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    a_day(&app).await;
    let first = log(&store).await[0];
    let mut events = app.subscribe(first, Filter::all()).typed::<Till>();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let event = next(&mut events).await;
        seen.push((event.envelope.stream_id::<u64>().unwrap(), event.data));
    }
    let sold = |amount| TillEvent::Sold(Sold { amount });
    assert_eq!(seen, [(2, sold(20)), (1, sold(30)), (2, TillEvent::Refunded(Refunded { amount: 20 }))]);
}

async fn an_event_that_is_not_waited_for_comes_later(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    let mut events = app.subscribe(Position(0), Filter::all());
    let mut seen = Vec::new();
    for n in 1..=20 {
        sell(&app, 1, [n]).await;
        // Given up at every point that it comes to in so short a time, and begun again.
        if let Ok(event) = timeout(Duration::from_micros(n * 50), events.next()).await {
            seen.push(event.unwrap().unwrap().position);
        }
    }
    let left = 20 - seen.len();
    seen.extend(positions(&mut events, left).await);
    assert_eq!(seen, log(&store).await);
}

async fn a_place_moves_over_what_is_not_asked_for(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    app.execute(Enter { door: 1 }).await.unwrap();
    sell(&app, 1, 1..=1_000).await;
    let mut events = app.subscribe(SubscribeFrom::Start, Filter::category("door"));
    next(&mut events).await;
    assert_eq!(events.position(), log(&store).await.first().copied());
    app.execute(Enter { door: 1 }).await.unwrap();
    next(&mut events).await;
    assert_eq!(events.position(), log(&store).await.get(1_001).copied());
}

async fn a_redacted_event_is_delivered_without_its_payload(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    a_day(&app).await;
    let sold = app.history::<Till>(&1).await.unwrap().remove(0);
    app.redact(sold.envelope.id, "on request").await.unwrap();

    let raw = next(&mut app.subscribe(Position(0), Filter::all())).await;
    let all = log(&store).await;
    assert_eq!((raw.position, raw.payload), (all[0], None));
    let typed = next(&mut app.subscribe(Position(0), Filter::all()).typed::<Till>()).await;
    assert_eq!(typed.position, all[1]);
}

async fn a_subscription_outlives_the_app(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    let mut events = app.subscribe(Position(0), Filter::all());
    drop(app);
    sell(&shop(store.clone()).await, 1, [10]).await;
    assert_eq!(next(&mut events).await.position, log(&store).await[0]);
}

/// Follows from the start while a thousand events are appended by four hands; every subscriber sees them all,
/// in order, and what comes after.
async fn while_others_write(store: impl EventStore + Clone, subscribers: usize) {
    let app = shop(store.clone()).await;
    sell(&app, 1, 1..=21).await;
    let mut following = JoinSet::new();
    for _ in 0..subscribers {
        let mut events = app.subscribe(SubscribeFrom::Start, Filter::all());
        following.spawn(async move {
            let seen = positions(&mut events, 1_021).await;
            (seen, events)
        });
    }
    let mut writing = JoinSet::new();
    for till in 2..=5 {
        let app = app.clone();
        writing.spawn(async move {
            for amount in 1..=250 {
                sell(&app, till, [amount]).await;
                tokio::task::yield_now().await;
            }
        });
    }
    writing.join_all().await;
    let followed = following.join_all().await;
    sell(&app, 1, [22]).await;
    let all = log(&store).await;
    assert_eq!(all.len(), 1_022);
    for (seen, mut events) in followed {
        assert_eq!(seen, all[..1_021]);
        assert_eq!(next(&mut events).await.position, all[1_021]);
    }
}

async fn ac_61_nothing_is_missed_between_old_and_new(store: impl EventStore + Clone) {
    while_others_write(store, 1).await;
}

async fn many_subscribers_see_the_same(store: impl EventStore + Clone) {
    while_others_write(store, 20).await;
}

at_every_place! { what_another_process_writes_is_delivered }

async fn what_another_process_writes_is_delivered(place: Anywhere) {
    let (here, elsewhere) = (shop(place.open().await).await, shop(place.open().await).await);
    let mut events = here.subscribe(SubscribeFrom::Now, Filter::all());
    events.started().await;
    for n in 1..=3 {
        sell(&elsewhere, 1, [n]).await;
        assert_eq!(next(&mut events).await.envelope.version, n);
    }
}
