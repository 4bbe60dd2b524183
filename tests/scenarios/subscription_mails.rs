//! The mails that follow an activation: one to the subscriber, one to the creator.

use crate::subscription::{
    Cancel, Subscription, SubscriptionActivated, SubscriptionCancelled, SubscriptionId, activate, subscribe,
};
use es_core::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

#[derive(Debug, thiserror::Error)]
#[error("the mail server is busy")]
pub struct Busy;

/// Somebody asked the mail server to send a mail.
#[derive(Clone, Debug, PartialEq)]
struct Call {
    event: Uuid,
    subscription: SubscriptionId,
    attempt: u32,
}

/// The mail server. It may be busy a few times when it is about one subscription.
#[derive(Default)]
pub struct MailServer {
    calls: Mutex<Vec<Call>>,
    busy: Mutex<HashMap<SubscriptionId, u32>>,
}

impl MailServer {
    fn is_busy(&self, times: u32, subscription: SubscriptionId) {
        self.busy.lock().unwrap().insert(subscription, times);
    }
    fn take(&self, event: Uuid, subscription: SubscriptionId, attempt: u32) -> Result<(), Busy> {
        self.calls.lock().unwrap().push(Call { event, subscription, attempt });
        match self.busy.lock().unwrap().get_mut(&subscription) {
            Some(times) if *times > 0 => {
                *times -= 1;
                Err(Busy)
            }
            _ => Ok(()),
        }
    }
    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
    /// The events that it was called with about one subscription, in the order of the calls.
    fn called_about(&self, subscription: SubscriptionId) -> Vec<Uuid> {
        self.calls().iter().filter(|call| call.subscription == subscription).map(|call| call.event).collect()
    }
}

/// The mails that wait for creators.
#[derive(Default)]
pub struct CreatorMails(Mutex<Vec<Uuid>>);

impl CreatorMails {
    fn queued(&self) -> Vec<Uuid> {
        self.0.lock().unwrap().clone()
    }
}

/// Mails the subscriber.
#[reactor(retry(max = 10, backoff = "1ms..2ms"), on_failure = park)]
pub struct SubscriptionConfirmation;

#[reactor]
impl SubscriptionConfirmation {
    fn activated(
        &self,
        _: &SubscriptionActivated,
        id: &SubscriptionId,
        env: &Envelope,
        cx: &Context<Self>,
        server: &MailServer,
    ) -> Result<(), Busy> {
        server.take(env.id, *id, cx.attempt())
    }
    fn cancelled(
        &self,
        _: &SubscriptionCancelled,
        id: &SubscriptionId,
        env: &Envelope,
        cx: &Context<Self>,
        server: &MailServer,
    ) -> Result<(), Busy> {
        server.take(env.id, *id, cx.attempt())
    }
}

/// Tells the creator.
#[reactor]
pub struct NewSubscriberNotification;

#[reactor]
impl NewSubscriberNotification {
    fn activated(&self, _: &SubscriptionActivated, env: &Envelope, mails: &CreatorMails) {
        mails.0.lock().unwrap().push(env.id);
    }
}

struct Club {
    app: App,
    server: Arc<MailServer>,
    creators: Arc<CreatorMails>,
}

async fn club(store: impl EventStore) -> Club {
    let (server, creators) = (Arc::new(MailServer::default()), Arc::new(CreatorMails::default()));
    let app = App::builder(store)
        .aggregate::<Subscription>()
        .reactor::<SubscriptionConfirmation>()
        .reactor::<NewSubscriberNotification>()
        .service::<MailServer>(server.clone())
        .service::<CreatorMails>(creators.clone())
        .build()
        .await
        .unwrap();
    Club { app, server, creators }
}

impl Club {
    async fn subscriber(&self) -> SubscriptionId {
        let id = SubscriptionId::new();
        self.app.execute(subscribe(id)).await.unwrap();
        id
    }
    async fn activate(&self, id: SubscriptionId) -> Committed<Subscription> {
        self.app.execute(activate(id)).await.unwrap()
    }
    async fn cancel(&self, id: SubscriptionId) {
        self.app.execute(Cancel { subscription: id }).await.unwrap();
    }
    /// The id of a subscription's event.
    async fn event(&self, id: SubscriptionId, version: usize) -> Uuid {
        self.app.history::<Subscription>(&id).await.unwrap()[version - 1].envelope.id
    }
    async fn drain(&self) {
        self.app.drain().await.unwrap();
    }
}

on_every_store! {
    ac_09_whoever_follows_is_called_once_after_the_commit,
    ac_11_a_mail_that_fails_is_sent_again_and_holds_up_nobody_else,
    ac_11_a_mail_that_fails_too_often_is_parked_until_somebody_decides,
}

async fn ac_09_whoever_follows_is_called_once_after_the_commit(store: impl EventStore) {
    let club = club(store).await;
    let running = club.app.start().await.unwrap();
    let ann = club.subscriber().await;
    // What is not committed is followed by nothing.
    let refused = club.app.execute(activate(ann)).expect_version(7).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { .. }), "{refused}");
    club.drain().await;
    assert_eq!((club.server.calls(), club.creators.queued()), (vec![], vec![]));

    let done = club.activate(ann).await;
    for reactor in ["subscription_confirmation", "new_subscriber_notification"] {
        club.app.wait_for(reactor, done.position).await.unwrap();
    }
    club.drain().await;
    let activated = club.event(ann, 2).await;
    assert_eq!(club.server.calls(), [Call { event: activated, subscription: ann, attempt: 1 }]);
    assert_eq!(club.creators.queued(), [activated]);
    running.stop().await.unwrap();
}

async fn ac_11_a_mail_that_fails_is_sent_again_and_holds_up_nobody_else(store: impl EventStore) {
    let club = club(store).await;
    let (ann, bob) = (club.subscriber().await, club.subscriber().await);
    club.server.is_busy(3, ann);
    // The command is done, whatever the mail server says later.
    assert_eq!(club.activate(ann).await.version, 2);
    club.cancel(ann).await;
    club.activate(bob).await;
    club.drain().await;

    let (activated, cancelled) = (club.event(ann, 2).await, club.event(ann, 3).await);
    assert_eq!(
        club.server.called_about(ann),
        [activated, activated, activated, activated, cancelled],
        "four calls with the same event, and only then the next one"
    );
    let calls = club.server.calls();
    let attempts: Vec<_> = calls.iter().filter(|call| call.event == activated).map(|c| c.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    // Neither the other subscriber nor the other reactor has waited, or heard of it twice.
    let subscribed = club.event(bob, 2).await;
    assert_eq!(club.server.called_about(bob), [subscribed]);
    let place = |event| calls.iter().rposition(|call| call.event == event);
    assert!(place(subscribed) < place(activated), "{calls:?}");
    assert_eq!(club.creators.queued().len(), 2);
    assert!(club.app.parked("subscription_confirmation").await.unwrap().is_empty());
}

async fn ac_11_a_mail_that_fails_too_often_is_parked_until_somebody_decides(store: impl EventStore) {
    let club = club(store).await;
    let (ann, bob) = (club.subscriber().await, club.subscriber().await);
    club.server.is_busy(11, ann);
    club.activate(ann).await;
    club.cancel(ann).await;
    club.activate(bob).await;
    club.drain().await;

    let (activated, cancelled) = (club.event(ann, 2).await, club.event(ann, 3).await);
    assert_eq!(club.server.called_about(ann), [activated; 11]);
    assert_eq!(club.server.called_about(bob).len(), 1, "processing goes on");
    let parked = club.app.parked("subscription_confirmation").await.unwrap();
    let [entry] = &*parked else { panic!("{parked:?}") };
    assert_eq!((entry.name.as_str(), entry.attempts), ("SubscriptionActivated", 11));
    assert_eq!((entry.waiting, entry.retrying, entry.error.as_str()), (1, false, "the mail server is busy"));
    // By itself it is not tried again.
    club.drain().await;
    assert_eq!(club.server.called_about(ann).len(), 11);

    parked.retry(&entry.id).await.unwrap();
    club.drain().await;
    assert_eq!(club.server.called_about(ann)[11..], [activated, cancelled]);
    assert!(club.app.parked("subscription_confirmation").await.unwrap().is_empty());
}
