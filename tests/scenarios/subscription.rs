//! A monthly subscription to a creator: created inactive, activated when the payment provider says so.

use crate::kit::{recorded, time};
use es_core::prelude::*;
use es_testing::prelude::*;
use std::time::Duration;

#[aggregate_id]
pub struct SubscriptionId(Uuid);

#[event]
pub struct SubscriptionCreated {
    pub drip: u64,
    pub user: u64,
    pub reward: u64,
}
#[event]
pub struct SubscriptionActivated {
    pub stripe_key: String,
}
#[event]
pub struct SubscriptionCancelled;

#[command(Subscription)]
pub struct Subscribe {
    #[id]
    pub subscription: SubscriptionId,
    pub drip: u64,
    pub user: u64,
    pub reward: u64,
}
#[command(Subscription)]
pub struct Activate {
    #[id]
    pub subscription: SubscriptionId,
    pub stripe_key: String,
}
#[command(Subscription)]
pub struct Cancel {
    #[id]
    pub subscription: SubscriptionId,
}

#[value]
#[derive(Copy)]
pub enum Status {
    Inactive,
    Active,
}

#[aggregate(id = SubscriptionId, snapshot(every = 1, version = 2))]
pub struct Subscription {
    status: Status,
    stripe_key: Option<String>,
    activated_at: Option<Timestamp>,
}

#[applier]
impl Subscription {
    fn created(_: &SubscriptionCreated) -> Self {
        Self { status: Status::Inactive, stripe_key: None, activated_at: None }
    }
    fn activated(&mut self, e: &SubscriptionActivated, env: &Envelope) {
        self.status = Status::Active;
        self.stripe_key = Some(e.stripe_key.clone());
        self.activated_at = Some(env.recorded_at);
    }
    fn cancelled(self, _: &SubscriptionCancelled) {}
}

#[command_handler]
impl Subscription {
    fn subscribe(command: Subscribe) -> SubscriptionCreated {
        SubscriptionCreated { drip: command.drip, user: command.user, reward: command.reward }
    }
    /// The payment provider notifies more than once.
    fn activate(&self, command: Activate) -> Option<SubscriptionActivated> {
        match self.status {
            Status::Inactive => Some(SubscriptionActivated { stripe_key: command.stripe_key }),
            Status::Active => None,
        }
    }
    fn cancel(&self, _: Cancel) -> SubscriptionCancelled {
        SubscriptionCancelled
    }
}

/// The list of subscriptions; since version 2 with the time at which they were activated.
#[projection(key = SubscriptionId, version = 2)]
pub struct Subscriptions {
    active: bool,
    activated_at: Option<Timestamp>,
}

#[projection]
impl Subscriptions {
    fn created(&mut self, _: &SubscriptionCreated) {}
    fn activated(&mut self, _: &SubscriptionActivated, env: &Envelope) {
        self.active = true;
        self.activated_at = Some(env.recorded_at);
    }
}

const NEW: Subscription = Subscription { status: Status::Inactive, stripe_key: None, activated_at: None };

fn created() -> SubscriptionCreated {
    SubscriptionCreated { drip: 5, user: 7, reward: 3 }
}
fn activated() -> SubscriptionActivated {
    SubscriptionActivated { stripe_key: "sub_66123".into() }
}
pub fn subscribe(subscription: SubscriptionId) -> Subscribe {
    Subscribe { subscription, drip: 5, user: 7, reward: 3 }
}
pub fn activate(subscription: SubscriptionId) -> Activate {
    Activate { subscription, stripe_key: "sub_66123".into() }
}

async fn app(store: impl EventStore, clock: &VirtualClock) -> App {
    App::builder(store).aggregate::<Subscription>().clock(clock.clone()).build().await.unwrap()
}

on_every_store! {
    ac_05_subscribing_creates_the_subscription,
    ac_06_activating_keeps_the_time_at_which_it_happened,
    ac_07_activating_twice_changes_nothing,
    ac_15_a_new_column_is_filled_from_history,
}

async fn ac_05_subscribing_creates_the_subscription(store: impl EventStore + Clone) {
    let app = app(store.clone(), &VirtualClock::at(time("2017-10-01T00:00:00Z"))).await;
    let id = SubscriptionId::new();
    let done = app.execute(subscribe(id)).await.unwrap();
    assert_eq!(done.events, [SubscriptionEvent::SubscriptionCreated(created())]);
    assert_eq!(*done.state.unwrap(), NEW);

    let again = app.execute(subscribe(id)).await.unwrap_err();
    assert!(matches!(again, CommandError::AlreadyExists { .. }), "{again}");
    assert_eq!(recorded(&store).await, 1);
}

async fn ac_06_activating_keeps_the_time_at_which_it_happened(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(time("2017-10-01T00:00:00Z"));
    let app_then = app(store.clone(), &clock).await;
    let id = SubscriptionId::new();
    app_then.execute(subscribe(id)).await.unwrap();
    clock.advance(Duration::from_mins(1));
    let activated_at = clock.now();
    let told = Metadata::new().with("notification_id", 33_456);
    let done = app_then.execute(activate(id)).metadata(told).await.unwrap();
    assert_eq!((done.version, done.events), (2, vec![SubscriptionEvent::SubscriptionActivated(activated())]));

    let event = app_then.history::<Subscription>(&id).await.unwrap().remove(1);
    assert_eq!(event.data, SubscriptionEvent::SubscriptionActivated(activated()));
    assert_eq!(event.envelope.metadata.get("notification_id"), Some(33_456));

    clock.advance(Duration::from_hours(365 * 24));
    let app_now = app(store, &clock).await;
    let active = Subscription {
        status: Status::Active,
        stripe_key: Some("sub_66123".into()),
        activated_at: Some(activated_at),
    };
    assert_eq!(*done.state.unwrap(), active);
    assert_eq!(*app_now.load::<Subscription>(&id).await.unwrap().unwrap(), active);
}

async fn ac_07_activating_twice_changes_nothing(store: impl EventStore + Clone) {
    let app = app(store.clone(), &VirtualClock::at(time("2017-10-01T00:00:00Z"))).await;
    let id = SubscriptionId::new();
    app.execute(subscribe(id)).await.unwrap();
    app.execute(activate(id)).await.unwrap();
    let again = app.execute(activate(id)).await.unwrap();
    assert_eq!((again.version, again.events), (2, vec![]));
    assert_eq!(recorded(&store).await, 2);
}

async fn ac_15_a_new_column_is_filled_from_history(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(time("2017-10-01T00:00:00Z"));
    let ids = [SubscriptionId::new(), SubscriptionId::new(), SubscriptionId::new()];
    let older = App::builder(store.clone())
        .aggregate::<older::Subscription>()
        .projection::<older::Subscriptions>()
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    for id in ids {
        older.execute(older::Subscribe { subscription: id }).await.unwrap();
    }
    for id in &ids[..2] {
        clock.advance(Duration::from_mins(1));
        older.execute(older::Activate { subscription: *id }).await.unwrap();
    }

    older.drain().await.unwrap();
    let before = older.document::<older::Subscriptions>(&ids[0]).await.unwrap();
    assert_eq!(before, Some(older::Subscriptions { active: true }));

    let newer = App::builder(store)
        .aggregate::<Subscription>()
        .projection::<Subscriptions>()
        .clock(clock)
        .build()
        .await
        .unwrap();
    let historic = [Some(time("2017-10-01T00:01:00Z")), Some(time("2017-10-01T00:02:00Z")), None];
    // Until the new list is there the old one is read, which does not say when.
    assert_eq!(listed(&newer, &ids).await, [(true, None), (true, None), (false, None)]);
    newer.drain().await.unwrap();
    assert_eq!(listed(&newer, &ids).await, historic.map(|at| (at.is_some(), at)));

    // No state comes from a snapshot of the release before.
    let mut activated_at = Vec::new();
    for id in &ids {
        activated_at.push(newer.load::<Subscription>(id).await.unwrap().unwrap().activated_at);
    }
    assert_eq!(activated_at, historic);
}

/// What the list says of each subscription: whether it is active, and since when.
async fn listed(app: &App, ids: &[SubscriptionId]) -> Vec<(bool, Option<Timestamp>)> {
    let mut listed = Vec::new();
    for id in ids {
        let subscription = app.document::<Subscriptions>(id).await.unwrap().unwrap();
        listed.push((subscription.active, subscription.activated_at));
    }
    listed
}

/// The release before, which did not care when. Its snapshots look like the newer ones with nothing said.
mod older {
    use super::{Status, SubscriptionActivated, SubscriptionCreated, SubscriptionId, activated, created};
    use es_core::prelude::*;

    #[command(Subscription)]
    pub struct Subscribe {
        #[id]
        pub subscription: SubscriptionId,
    }
    #[command(Subscription)]
    pub struct Activate {
        #[id]
        pub subscription: SubscriptionId,
    }

    #[projection(key = SubscriptionId)]
    pub struct Subscriptions {
        pub active: bool,
    }

    #[projection]
    impl Subscriptions {
        fn created(&mut self, _: &SubscriptionCreated) {}
        fn activated(&mut self, _: &SubscriptionActivated) {
            self.active = true;
        }
    }

    #[aggregate(id = SubscriptionId, snapshot(every = 1, version = 1))]
    pub struct Subscription {
        status: Status,
        stripe_key: Option<String>,
    }

    #[applier]
    impl Subscription {
        fn created(_: &SubscriptionCreated) -> Self {
            Self { status: Status::Inactive, stripe_key: None }
        }
        fn activated(&mut self, e: &SubscriptionActivated) {
            self.status = Status::Active;
            self.stripe_key = Some(e.stripe_key.clone());
        }
    }

    #[command_handler]
    impl Subscription {
        fn subscribe(_: Subscribe) -> SubscriptionCreated {
            created()
        }
        fn activate(&self, _: Activate) -> SubscriptionActivated {
            activated()
        }
    }
}
