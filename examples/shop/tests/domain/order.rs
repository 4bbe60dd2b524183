//! Orders, and the mail that says that one is on its way.

use es_core::prelude::*;
use es_testing::prelude::*;
use shop::orders::mail::{Mail, MailError, Mailer, ShippedMail};
use shop::orders::order::{
    BackOrder, CancelOrder, CompleteOrder, Line, Order, OrderCancelled, OrderCompleted, OrderError, OrderId,
    OrderReceived, OrderShipped, ShipGoods, Status,
};
use std::sync::{Arc, Mutex};

fn ann() -> OrderId {
    OrderId::from("ann")
}

fn received() -> OrderReceived {
    OrderReceived {
        customer: "Ann".into(),
        email: "a@b.c".into(),
        card: "4242".into(),
        lines: vec![Line { article: "book".into(), quantity: 1 }],
        total: 1_990,
    }
}

fn shipped() -> OrderShipped {
    OrderShipped { tracking: "T1".into() }
}

fn cancel() -> CancelOrder {
    CancelOrder { order: ann(), reason: "no".into() }
}

#[test]
fn ac_16_a_parcel_leaves_once() {
    given(received())
        .when(ShipGoods { order: ann() })
        .then_matches(|events| events.len() == 1)
        .then_state(|order: &Order| {
            assert_eq!(order.status, Status::Shipped);
            assert!(order.tracking.as_ref().is_some_and(|tracking| tracking.len() == 9), "{order:?}");
        })
        .when(ShipGoods { order: ann() })
        .then_error(OrderError::AlreadyShipped)
        .when(cancel())
        .then_error(OrderError::AlreadyShipped)
        .when(CompleteOrder { order: ann() })
        .then(OrderCompleted {});
}

#[test]
fn what_was_cancelled_is_not_shipped() {
    given(received())
        .when(cancel())
        .then(OrderCancelled { reason: "no".into() })
        .when(cancel())
        .then_nothing()
        .when(ShipGoods { order: ann() })
        .then_error(OrderError::AlreadyCancelled)
        .when(BackOrder { order: ann(), article: "book".into() })
        .then_nothing()
        .when(CompleteOrder { order: ann() })
        .then_nothing();
}

/// Keeps mails, and does not take the first ones.
struct Mails {
    kept: Mutex<Vec<Mail>>,
    failures: Mutex<u32>,
}

impl Mails {
    fn failing(times: u32) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), failures: Mutex::new(times) })
    }
}

impl Mailer for Mails {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        self.kept.lock().unwrap().push(mail);
        let mut failures = self.failures.lock().unwrap();
        let fails = *failures > 0;
        *failures = failures.saturating_sub(1);
        Box::pin(async move { if fails { Err(MailError::NotSent("no post today".into())) } else { Ok(()) } })
    }
}

#[test]
fn ac_16_one_mail_says_that_the_parcel_has_left() {
    let mails = Mails::failing(0);
    reactor::<ShippedMail>()
        .aggregate::<Order>()
        .service::<dyn Mailer>(mails.clone())
        .given(&ann(), received())
        .when(&ann(), shipped())
        .then_no_commands();
    let kept = mails.kept.lock().unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0].to, "a@b.c");
    assert!(kept[0].text.contains("T1"), "{kept:?}");
}

#[test]
fn a_mail_that_is_sent_again_has_the_same_key() {
    let mails = Mails::failing(1);
    reactor::<ShippedMail>()
        .aggregate::<Order>()
        .service::<dyn Mailer>(mails.clone())
        .given(&ann(), received())
        .when(&ann(), shipped())
        .then_retry()
        .when_redelivered()
        .then_no_commands();
    let kept = mails.kept.lock().unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0], kept[1]);
}
