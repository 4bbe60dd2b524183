//! What has to happen together with an activation, or the activation does not happen.

use crate::kit::{recorded, stored};
use es_core::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[event]
pub struct SubscriptionCreated {
    pub drip: u32,
}
#[event]
pub struct SubscriptionActivated {
    pub drip: u32,
}
#[event]
pub struct SubscriberCounted {}

#[command(Subscription)]
pub struct Subscribe {
    #[id]
    pub subscription: u32,
    pub drip: u32,
}
#[command(Subscription)]
pub struct Activate {
    #[id]
    pub subscription: u32,
}
#[command(Drip)]
pub struct CountSubscriber {
    #[id]
    pub drip: u32,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("a drip has at most {most} subscribers")]
pub struct Full {
    pub most: u32,
}

#[aggregate(id = u32)]
pub struct Subscription {
    drip: u32,
    active: bool,
}

#[applier]
impl Subscription {
    fn created(e: &SubscriptionCreated) -> Self {
        Self { drip: e.drip, active: false }
    }
    fn activated(&mut self, _: &SubscriptionActivated) {
        self.active = true;
    }
}

#[command_handler]
impl Subscription {
    fn subscribe(command: Subscribe) -> SubscriptionCreated {
        SubscriptionCreated { drip: command.drip }
    }
    fn activate(&self, _: Activate) -> SubscriptionActivated {
        SubscriptionActivated { drip: self.drip }
    }
}

/// Counts its subscribers.
#[aggregate(id = u32, default)]
#[derive(Default)]
pub struct Drip {
    subscribers: u32,
}

#[applier]
impl Drip {
    fn counted(&mut self, _: &SubscriberCounted) {
        self.subscribers += 1;
    }
}

#[command_handler]
impl Drip {
    fn count(&self, _: CountSubscriber) -> Result<SubscriberCounted, Full> {
        if self.subscribers == 1 { Err(Full { most: 1 }) } else { Ok(SubscriberCounted {}) }
    }
}

#[reactor(inline)]
pub struct UpdateDripCounters;

#[reactor]
impl UpdateDripCounters {
    fn activated(&self, e: &SubscriptionActivated) -> CountSubscriber {
        CountSubscriber { drip: e.drip }
    }
}

/// Thanks, behind the commit.
#[reactor]
pub struct ThankYou;

#[reactor]
impl ThankYou {
    fn activated(&self, _: &SubscriptionActivated, thanked: &AtomicU32) {
        thanked.fetch_add(1, Ordering::Relaxed);
    }
}

on_every_store! {
    not on nats: "an app with inline reactors is not built there";
    ac_10_a_failing_sync_reactor_aborts_the_command,
}

async fn ac_10_a_failing_sync_reactor_aborts_the_command(store: impl EventStore + Clone) {
    let thanked = Arc::new(AtomicU32::new(0));
    let app = App::builder(store.clone())
        .aggregate::<Subscription>()
        .aggregate::<Drip>()
        .reactor::<UpdateDripCounters>()
        .reactor::<ThankYou>()
        .service::<AtomicU32>(thanked.clone())
        .build()
        .await
        .unwrap();
    for subscription in [1, 2] {
        app.execute(Subscribe { subscription, drip: 5 }).await.unwrap();
    }
    app.execute(Activate { subscription: 1 }).await.unwrap();
    assert_eq!(recorded(&store).await, 4);

    let refused = app.execute(Activate { subscription: 2 }).await.unwrap_err();
    let CommandError::Inline { reactor, source } = refused else { panic!("{refused}") };
    assert_eq!(reactor, "update_drip_counters");
    assert_eq!(source.to_string(), Full { most: 1 }.to_string());
    app.drain().await.unwrap();

    assert_eq!(stored(&store, &Subscription::stream(&2)).await.len(), 1);
    assert!(!app.load::<Subscription>(&2).await.unwrap().unwrap().active);
    assert_eq!(app.load::<Drip>(&5).await.unwrap().unwrap().subscribers, 1);
    assert_eq!(thanked.load(Ordering::Relaxed), 1);
}
