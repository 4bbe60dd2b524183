//! Payments: a card that is good, one that is not, and one that comes too late.

use es_core::prelude::*;
use es_testing::prelude::*;
use shop::orders::order::OrderId;
use shop::orders::payment::{
    CancelPayment, Cards, Charge, CreditCardUpdated, CustomerAskedToUpdateCard, FailPayment, Payment,
    PaymentCancelled, PaymentFailed, PaymentReceived, PaymentRequested, RetrievePayment, TestCards,
    UpdateCard,
};
use std::sync::{Arc, Mutex};

fn ann() -> OrderId {
    OrderId::from("ann")
}

fn requested() -> PaymentRequested {
    PaymentRequested { amount: 100 }
}

fn received() -> PaymentReceived {
    PaymentReceived { amount: 100 }
}

fn retrieve(card: &str) -> RetrievePayment {
    RetrievePayment { order: ann(), amount: 100, card: card.into() }
}

fn update(card: &str) -> UpdateCard {
    UpdateCard { order: ann(), card: card.into() }
}

/// A bank that notes what it was asked for.
#[derive(Default)]
struct Bank(Mutex<Vec<(String, u64, Uuid)>>);

impl Bank {
    fn note(&self, what: &str, cents: u64, key: Uuid) {
        self.0.lock().unwrap().push((what.to_owned(), cents, key));
    }
}

impl Cards for Bank {
    fn charge(&self, card: &str, cents: u64, key: Uuid) -> BoxFuture<'_, Charge> {
        self.note(card, cents, key);
        TestCards.charge(card, cents, key)
    }
    fn refund(&self, cents: u64, key: Uuid) -> BoxFuture<'_, ()> {
        self.note("refund", cents, key);
        Box::pin(async {})
    }
}

#[test]
fn a_good_card_pays_at_once() {
    let bank = Arc::new(Bank::default());
    given_nothing()
        .service::<dyn Cards>(bank.clone())
        .when(retrieve("4242"))
        .then((requested(), received()))
        .when(FailPayment { order: ann() })
        .then_nothing();
    let asked = bank.0.lock().unwrap();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].0.as_str(), asked[0].1), ("4242", 100));
}

#[test]
fn ac_78_a_customer_is_asked_for_another_card_until_one_is_good() {
    let bank = Arc::new(Bank::default());
    given_nothing()
        .service::<dyn Cards>(bank.clone())
        .when(retrieve("0002"))
        .then((requested(), CustomerAskedToUpdateCard {}))
        .when(update("9990002"))
        .then((CreditCardUpdated {}, CustomerAskedToUpdateCard {}))
        .when(update("4242"))
        .then((CreditCardUpdated {}, received()));
    let asked = bank.0.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].2 != asked[1].2 && asked[1].2 != asked[2].2, "each charge has its key: {asked:?}");
}

#[test]
fn ac_78_a_card_that_comes_too_late_is_ignored() {
    let bank = Arc::new(Bank::default());
    given((requested(), CustomerAskedToUpdateCard {}))
        .service::<dyn Cards>(bank.clone())
        .when(FailPayment { order: ann() })
        .then(PaymentFailed {})
        .when(update("4242"))
        .then_nothing()
        .when(CancelPayment { order: ann() })
        .then_nothing();
    assert!(bank.0.lock().unwrap().is_empty());
}

#[test]
fn what_was_paid_is_given_back() {
    let bank = Arc::new(Bank::default());
    given((requested(), received()))
        .service::<dyn Cards>(bank.clone())
        .when(CancelPayment { order: ann() })
        .then(PaymentCancelled { refunded: 100 })
        .when(CancelPayment { order: ann() })
        .then_nothing();
    let asked = bank.0.lock().unwrap();
    assert_eq!((asked.len(), asked[0].0.as_str(), asked[0].1), (1, "refund", 100));
    drop(asked);
    given::<Payment, _>(requested())
        .service::<dyn Cards>(bank.clone())
        .when(CancelPayment { order: ann() })
        .then(PaymentCancelled { refunded: 0 });
    assert_eq!(bank.0.lock().unwrap().len(), 1, "nothing was paid");
}
