use super::expand;
use crate::testing::{expanded, messages};
use expect_test::expect;
use quote::quote;

#[test]
fn a_newtype() {
    expect![[r##"
        #[derive(
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
            ::core::hash::Hash,
            ::core::cmp::PartialOrd,
            ::core::cmp::Ord,
            ::es_core::__private::serde::Serialize,
            ::es_core::__private::serde::Deserialize
        )]
        #[serde(crate = "::es_core::__private::serde")]
        #[serde(transparent)]
        pub struct OrderId(Uuid);
        #[automatically_derived]
        impl ::core::fmt::Display for OrderId {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                <Uuid as ::es_core::__private::IdText>::write(&self.0, f)
            }
        }
        #[automatically_derived]
        impl ::core::str::FromStr for OrderId {
            type Err = ::es_core::__private::ParseIdError;
            fn from_str(
                text: &str,
            ) -> ::core::result::Result<Self, ::es_core::__private::ParseIdError> {
                ::core::result::Result::Ok(Self {
                    0: <Uuid as ::es_core::__private::IdText>::read(text, "OrderId", "Uuid")?,
                })
            }
        }
        #[automatically_derived]
        impl ::es_core::__private::AggregateId for OrderId {
            fn push_to(&self, text: &mut ::std::string::String) {
                <Uuid as ::es_core::__private::IdText>::append_to(&self.0, text);
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<Uuid> for OrderId {
            fn from(id: Uuid) -> Self {
                Self { 0: id }
            }
        }
        impl OrderId {
            /// A new id, ordered by time (UUID version 7).
            #[allow(dead_code, clippy::new_without_default)]
            #[must_use]
            pub fn new() -> Self {
                Self {
                    0: ::es_core::__private::uuid::Uuid::now_v7(),
                }
            }
        }
    "##]]
    .assert_eq(&expanded(expand(
        quote!(),
        quote!(
            pub struct OrderId(Uuid);
        ),
    )));
}

#[test]
fn several_parts() {
    let item = quote!(
        struct RoomNight {
            room: RoomId,
            night: Date,
        }
    );
    expect![[r##"
        #[derive(
            ::core::clone::Clone,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
            ::core::hash::Hash,
            ::core::cmp::PartialOrd,
            ::core::cmp::Ord,
            ::es_core::__private::serde::Serialize,
            ::es_core::__private::serde::Deserialize
        )]
        #[serde(crate = "::es_core::__private::serde")]
        struct RoomNight {
            room: RoomId,
            night: Date,
        }
        #[automatically_derived]
        impl ::core::fmt::Display for RoomNight {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                <RoomId as ::es_core::__private::IdText>::write_part(&self.room, true, f)?;
                <Date as ::es_core::__private::IdText>::write_part(&self.night, false, f)?;
                ::core::result::Result::Ok(())
            }
        }
        #[automatically_derived]
        impl ::core::str::FromStr for RoomNight {
            type Err = ::es_core::__private::ParseIdError;
            fn from_str(
                text: &str,
            ) -> ::core::result::Result<Self, ::es_core::__private::ParseIdError> {
                let mut __es_parts = ::es_core::__private::IdParts::split(
                    text,
                    "RoomNight",
                    2usize,
                )?;
                ::core::result::Result::Ok(Self {
                    room: <RoomId as ::es_core::__private::IdText>::read_part(
                        &mut __es_parts,
                        "RoomId",
                    )?,
                    night: <Date as ::es_core::__private::IdText>::read_part(
                        &mut __es_parts,
                        "Date",
                    )?,
                })
            }
        }
        #[automatically_derived]
        impl ::es_core::__private::AggregateId for RoomNight {}
    "##]]
    .assert_eq(&expanded(expand(quote!(), item)));
}

#[test]
fn an_id_holds_something() {
    let faults = |item| messages(&expand(quote!(), item));
    let all = [
        faults(quote!(
            struct Id;
        )),
        faults(quote!(
            enum Id {
                One,
            }
        )),
        faults(quote!(
            struct Id<T>(T);
        )),
        faults(quote!(
            trait Id {}
        )),
    ];
    expect![[r#"
        [
            [
                "an id needs a field that tells one from another, such as `struct AccountId(Uuid);`",
            ],
            [
                "an id is a struct around what it consists of, such as `struct AccountId(Uuid);`",
            ],
            [
                "an id has no generics: name the types that it holds",
            ],
            [
                "`#[aggregate_id]` belongs on a struct",
            ],
        ]
    "#]]
    .assert_debug_eq(&all);
}
