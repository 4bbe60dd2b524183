//! What the attributes on types declare.
#![no_implicit_prelude]
#![allow(missing_docs)]

use ::es_core::prelude::*;
use ::es_core::serde_json::{from_value, json, to_value};
use ::std::prelude::v1::*;
use ::std::{assert, assert_eq};

/// Modules without any prelude: generated code names everything by its whole path.
mod bare {
    #[::es_core::value]
    #[derive(Copy)]
    pub enum Currency {
        Eur,
        Chf,
    }

    #[::es_core::value]
    pub struct Pair<T> {
        pub left: T,
        pub right: T,
    }

    #[::es_core::aggregate_id]
    pub struct AccountId(pub ::std::string::String);

    #[::es_core::aggregate_id]
    pub struct OrderId(pub ::es_core::uuid::Uuid);

    #[::es_core::aggregate_id]
    pub struct Seat {
        pub row: ::std::string::String,
        pub number: u16,
        pub night: ::es_core::jiff::civil::Date,
    }

    #[::es_core::event(name = "account.deposited", alias = "Deposited", alias("Paid", "PaidIn"), version = 3)]
    pub struct MoneyDeposited {
        pub amount: u64,
        pub currency: ::core::option::Option<Currency>,
        #[cfg(any())]
        pub never: u64,
        pub r#type: ::std::vec::Vec<Pair<u8>>,
    }

    #[::es_core::event]
    pub struct Moved(pub u64, pub AccountId);

    macro_rules! number {
        ($name:ident, $ty:ty) => {
            #[::es_core::aggregate_id(no_derive(Serialize, Deserialize), crate = ::es_core)]
            pub struct $name($ty);
        };
    }
    number!(Number, u32);

    #[::es_core::event(retired)]
    pub struct AccountFrozen;

    #[::es_core::command(Account, name = "account.withdraw")]
    pub struct Withdraw {
        #[id]
        pub account: AccountId,
        pub amount: u64,
    }

    #[::es_core::command(crate::bare::Account)]
    pub struct Close(#[id] pub AccountId);

    #[::es_core::aggregate(id = AccountId, snapshot(every = 500, version = 1))]
    pub struct Account {
        pub owner: ::std::string::String,
    }

    #[::es_core::aggregate(id = OrderId, name = "orders", default)]
    #[derive(Default)]
    pub enum Order {
        #[default]
        Open,
        Paid {
            at: u64,
        },
    }
}

use bare::*;

#[test]
fn an_event_knows_its_name_version_and_fields() {
    assert_eq!((MoneyDeposited::NAME, MoneyDeposited::VERSION), ("account.deposited", 3));
    assert_eq!(MoneyDeposited::ALIASES, ["Deposited", "Paid", "PaidIn"]);
    let fields: Vec<_> = MoneyDeposited::FIELDS.iter().map(|field| (field.name, field.ty)).collect();
    assert_eq!(
        fields,
        [
            ("amount", "u64"),
            ("currency", "::core::option::Option<Currency>"),
            ("type", "::std::vec::Vec<Pair<u8>>")
        ]
    );
    assert_eq!((Moved::NAME, Moved::FIELDS[1].name, Moved::FIELDS[1].ty), ("Moved", "1", "AccountId"));
    assert!(AccountFrozen::FIELDS.is_empty());
}

#[test]
fn a_command_knows_its_aggregate() {
    let command = Withdraw { account: AccountId("ann".into()), amount: 3 };
    assert_eq!((Withdraw::NAME, Command::id(&command)), ("account.withdraw", &AccountId::from("ann")));
    assert_eq!(Command::id(&Close(AccountId::from("bob"))).to_string(), "bob");
}

#[test]
fn an_aggregate_knows_its_streams() {
    assert_eq!((Account::NAME, Order::NAME), ("account", "orders"));
    assert_eq!(Account::stream(&AccountId::from("ann")).as_str(), "account-ann");
    assert!(<Account as Aggregate>::SNAPSHOT.is_some() && <Order as Aggregate>::SNAPSHOT.is_none());
    assert!(Order::default() == Order::Open && Order::Open != Order::Paid { at: 1 });
}

#[test]
fn a_newtype_id_is_written_as_what_it_holds() {
    let ann = AccountId(String::from("a/%-ä"));
    assert_eq!((ann.to_string(), ann.to_string().parse()), (String::from("a/%-ä"), Ok(ann.clone())));
    assert_eq!(to_value(&ann).unwrap(), json!("a/%-ä"));
    assert_eq!(from_value::<AccountId>(json!("a/%-ä")).unwrap(), ann);

    let order = OrderId::new();
    assert_eq!(order.to_string().parse(), Ok(order));
    assert_eq!((order.0.get_version_num(), OrderId::from(order.0)), (7, order));
    assert_eq!(to_value(order).unwrap(), json!(order.0.to_string()));
    let error = "x".parse::<OrderId>().unwrap_err().to_string();
    assert_eq!(error, "\"x\" is not a valid OrderId: not a ::es_core::uuid::Uuid");
}

#[test]
fn an_id_from_a_macro_is_copied_like_any_other() {
    let number = Number::from(7);
    let again = number;
    assert_eq!((number.to_string(), again), (String::from("7"), number));
}

#[test]
fn an_id_of_several_parts_leads_back_from_its_text() {
    let night: Date = "2026-02-01".parse().unwrap();
    let rows = ["", "a", "/", "%", "%2F", "%25", "a/b%c", "//", "%%", "2F", "ä/-"];
    let mut texts = Vec::new();
    for row in rows {
        let seat = Seat { row: row.into(), number: 7, night };
        texts.push(seat.to_string());
        assert_eq!(seat.to_string().parse(), Ok(seat));
    }
    assert_eq!(texts[6], "a%2Fb%25c/7/2026-02-01");
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), rows.len());
    let seat = Seat { row: "a".into(), number: 7, night };
    assert_eq!(to_value(seat).unwrap(), json!({"row": "a", "number": 7, "night": "2026-02-01"}));
}

#[test]
fn a_text_that_is_no_id_says_why() {
    for (text, reason) in [
        ("a/7", "it has 2 parts instead of 3"),
        ("a/b/7/2026-02-01", "it has 4 parts instead of 3"),
        ("a/b/2026-02-01", "\"b\" is not a u16"),
        ("a%2f/7/2026-02-01", "`%` is followed by neither 25 nor 2F"),
        ("%/7/2026-02-01", "`%` is followed by neither 25 nor 2F"),
    ] {
        let error = text.parse::<Seat>().unwrap_err().to_string();
        assert_eq!(error, ::std::format!("\"{text}\" is not a valid Seat: {reason}"));
    }
}

#[test]
fn values_may_be_generic_and_copied() {
    let pair = Pair { left: Currency::Eur, right: Currency::Chf };
    let currency = pair.left;
    assert_eq!(to_value(&pair).unwrap(), json!({"left": "Eur", "right": "Chf"}));
    assert_eq!((currency, pair.left), (Currency::Eur, Currency::Eur));
    let _: Option<Pair<u8>> = Some(from_value(json!({"left": 1, "right": 2})).unwrap());
}
