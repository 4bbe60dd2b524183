//! Payments: a card that is good, one that is not, and one that comes too late.

use es_core::prelude::*;
use es_testing::prelude::*;
use shop::orders::bank::{Bank, Cards, Charge, TestCards};
use shop::orders::order::OrderId;
use shop::orders::payment::{
    CancelPayment, ChargeCard, CreditCardUpdated, CustomerAskedToUpdateCard, FailPayment, Payment,
    PaymentCancelled, PaymentEvent, PaymentFailed, PaymentReceived, PaymentRequested, RetrievePayment,
    UpdateCard,
};
use std::sync::{Arc, Mutex};

fn ann() -> OrderId {
    OrderId::from("ann")
}

fn key() -> Uuid {
    Uuid::from_u128(1)
}

fn requested() -> PaymentRequested {
    PaymentRequested { amount: 100, card: "4242".into() }
}

fn received() -> PaymentReceived {
    PaymentReceived { amount: 100, charge: key() }
}

fn updated(card: &str) -> CreditCardUpdated {
    CreditCardUpdated { card: card.into() }
}

fn charge(card: &str) -> ChargeCard {
    ChargeCard { order: ann(), card: card.into() }
}

fn update(card: &str) -> UpdateCard {
    UpdateCard { order: ann(), card: card.into() }
}

fn cancel() -> CancelPayment {
    CancelPayment { order: ann() }
}

fn fail() -> FailPayment {
    FailPayment { order: ann() }
}

/// What a bank was asked for.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Charge(String, u64, Uuid),
    Void(Uuid),
}

/// A bank that notes what it was asked for.
#[derive(Default)]
struct Notes(Mutex<Vec<Asked>>);

impl Notes {
    fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }
}

impl Cards for Notes {
    fn charge(&self, card: &str, cents: u64, key: Uuid) -> BoxFuture<'_, Charge> {
        self.0.lock().unwrap().push(Asked::Charge(card.to_owned(), cents, key));
        TestCards.charge(card, cents, key)
    }
    fn void(&self, key: Uuid) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push(Asked::Void(key));
        Box::pin(async {})
    }
}

#[test]
fn what_is_decided_is_written_down_before_the_bank_is_asked() {
    let retrieve = RetrievePayment { order: ann(), amount: 100, card: "4242".into() };
    given_nothing().when(retrieve).then(requested());
    reactor::<Bank>()
        .service::<dyn Cards>(Arc::new(Notes::default()))
        .when(&ann(), requested())
        .then_commands(charge("4242"))
        .when(&ann(), updated("4343"))
        .then_commands(charge("4343"));
}

#[test]
fn a_good_card_pays_at_once() {
    let bank = Arc::new(Notes::default());
    given(requested())
        .service::<dyn Cards>(bank.clone())
        .when(charge("4242"))
        .then_matches(|events| matches!(events, [PaymentEvent::PaymentReceived(paid)] if paid.amount == 100))
        .when(fail())
        .then_nothing();
    let asked = bank.all();
    assert!(matches!(&*asked, [Asked::Charge(card, 100, _)] if card == "4242"), "{asked:?}");
}

#[test]
fn ac_78_a_customer_is_asked_for_another_card_until_one_is_good() {
    let bank = Arc::new(Notes::default());
    given(requested())
        .service::<dyn Cards>(bank.clone())
        .when(charge("0002"))
        .then(CustomerAskedToUpdateCard {})
        .when(update("9990002"))
        .then(updated("9990002"))
        .when(charge("9990002"))
        .then(CustomerAskedToUpdateCard {})
        .when(update("4242"))
        .then(updated("4242"))
        .when(update("4343"))
        .then_nothing()
        .when(charge("4242"))
        .then_matches(|events| matches!(events, [PaymentEvent::PaymentReceived(_)]));
    let asked = bank.all();
    let keys: Vec<_> = asked
        .iter()
        .map(|asked| if let Asked::Charge(_, _, key) = asked { Some(key) } else { None })
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0] != keys[1] && keys[1] != keys[2], "each charge has its key: {asked:?}");
}

#[test]
fn ac_78_a_card_that_comes_too_late_is_ignored() {
    given((requested(), CustomerAskedToUpdateCard {}))
        .when(fail())
        .then(PaymentFailed {})
        .when(update("4242"))
        .then_nothing()
        .when(cancel())
        .then_nothing();
}

#[test]
fn a_charge_that_another_command_overtakes_is_given_back() {
    let cancelled = PaymentCancelled { refunded: 0, charge: None };
    let race = |bank: &Arc<Notes>| {
        given((requested(), CustomerAskedToUpdateCard {}, updated("4242"))).service::<dyn Cards>(bank.clone())
    };
    let banks = [(), ()].map(|()| Arc::new(Notes::default()));
    race(&banks[0]).when_raced_by(PaymentFailed {}, charge("4242")).then_nothing();
    race(&banks[1]).when_raced_by(cancelled, charge("4242")).then_nothing();
    for bank in banks {
        let asked = bank.all();
        let [Asked::Charge(_, 100, taken), Asked::Void(given_back)] = &*asked else { panic!("{asked:?}") };
        assert_eq!(taken, given_back);
    }
}

#[test]
fn a_charge_that_is_not_wanted_any_more_is_given_back_when_it_is_sent_again() {
    // The process has ended between the bank's answer and the note of it, and the order was cancelled meanwhile.
    let cancelled = PaymentCancelled { refunded: 0, charge: None };
    for end in [given(events![requested(), PaymentFailed {}]), given(events![requested(), cancelled])] {
        let bank = Arc::new(Notes::default());
        end.service::<dyn Cards>(bank.clone()).when(charge("4242")).then_nothing();
        assert!(matches!(&*bank.all(), [Asked::Void(_)]), "{:?}", bank.all());
    }
}

#[test]
fn what_was_paid_is_given_back() {
    given((requested(), received()))
        .when(cancel())
        .then(PaymentCancelled { refunded: 100, charge: Some(key()) })
        .when(cancel())
        .then_nothing();
    given::<Payment, _>(requested()).when(cancel()).then(PaymentCancelled { refunded: 0, charge: None });
    let bank = Arc::new(Notes::default());
    reactor::<Bank>()
        .service::<dyn Cards>(bank.clone())
        .when(&ann(), PaymentCancelled { refunded: 100, charge: Some(key()) })
        .then_no_commands()
        .when(&ann(), PaymentCancelled { refunded: 0, charge: None })
        .then_no_commands();
    assert_eq!(bank.all(), [Asked::Void(key())]);
}
