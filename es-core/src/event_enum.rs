//! What makes the generated enum of an aggregate's events one.

/// Implements what the enum needs beside its variants; generated code calls it.
///
/// Every implementation asks that the variants hold events, in a clause that is looked at where the enum is
/// used. So a type without `#[event]` is one fault, at the applier, and not one for each line here.
#[doc(hidden)]
#[macro_export]
macro_rules! event_enum {
    (
        $enum:ident { $($(#[$cfg:meta])* $variant:ident($event:ty) $role:ident,)* }
        where { $($bound:ty,)* }
    ) => {
        #[automatically_derived]
        impl ::core::clone::Clone for $enum
        where
            $(for<'__es_any> $bound: $crate::__private::Event,)*
        {
            fn clone(&self) -> Self {
                match self {
                    $($(#[$cfg])* Self::$variant(event) => Self::$variant(::core::clone::Clone::clone(event)),)*
                    Self::Retired(event) => Self::Retired(::core::clone::Clone::clone(event)),
                }
            }
        }
        #[automatically_derived]
        impl ::core::fmt::Debug for $enum
        where
            $(for<'__es_any> $bound: $crate::__private::Event,)*
        {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let (variant, event): (&str, &dyn ::core::fmt::Debug) = match self {
                    $($(#[$cfg])* Self::$variant(event) => (::core::stringify!($variant), event),)*
                    Self::Retired(event) => ("Retired", event),
                };
                f.debug_tuple(variant).field(event).finish()
            }
        }
        #[automatically_derived]
        impl ::core::cmp::PartialEq for $enum
        where
            $(for<'__es_any> $bound: $crate::__private::Event,)*
        {
            fn eq(&self, other: &Self) -> bool {
                match (self, other) {
                    $($(#[$cfg])* (Self::$variant(one), Self::$variant(other)) => {
                        ::core::cmp::PartialEq::eq(one, other)
                    })*
                    (Self::Retired(one), Self::Retired(other)) => ::core::cmp::PartialEq::eq(one, other),
                    _ => false,
                }
            }
        }
        #[automatically_derived]
        impl $crate::__private::EventEnum for $enum
        where
            $(for<'__es_any> $bound: $crate::__private::Event,)*
        {
            const EVENTS: &'static [$crate::__private::EventInfo] =
                &[$($(#[$cfg])* $crate::__private::EventInfo::of::<$event>(),)*];
            const APPLIERS: &'static [$crate::__private::ApplierRecord] = &[$(
                $(#[$cfg])* $crate::__private::ApplierRecord::of::<$event>($crate::__private::Role::$role),
            )*];
            fn name(&self) -> &'static str {
                match self {
                    $($(#[$cfg])* Self::$variant(_) => <$event as $crate::__private::Event>::NAME,)*
                    Self::Retired(event) => event.name(),
                }
            }
            fn version(&self) -> u16 {
                match self {
                    $($(#[$cfg])* Self::$variant(_) => <$event as $crate::__private::Event>::VERSION,)*
                    Self::Retired(event) => event.version(),
                }
            }
            fn encode_to(
                &self,
                json: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<(), $crate::__private::serde_json::Error> {
                match self {
                    $($(#[$cfg])* Self::$variant(event) => $crate::__private::serde_json::to_writer(json, event),)*
                    Self::Retired(event) => $crate::__private::serde_json::to_writer(json, event.payload()),
                }
            }
            fn decode(
                stored: $crate::__private::Payload<'_>,
            ) -> ::core::result::Result<Self, $crate::__private::PayloadError> {
                $($(#[$cfg])* if stored.is::<$event>() {
                    return stored.read().map(Self::$variant);
                })*
                stored.retired(<Self as $crate::__private::EventEnum>::EVENTS).map(Self::Retired)
            }
        }
    };
}
