//! Rows that are expected: tuples and arrays of values.

use es_core::rusqlite::types::Value;

/// A value as SQLite keeps it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of SQLite",
    label = "neither a number, a text, bytes, nor an `Option` of one",
    note = "give integers, floats, `bool`s, `&str`s, `String`s, bytes, or `rusqlite::types::Value`s"
)]
pub trait SqlValue {
    #[doc(hidden)]
    fn into_value(self) -> Value;
}

macro_rules! values {
    ($($ty:ty)*) => { $(
        impl SqlValue for $ty {
            fn into_value(self) -> Value {
                self.into()
            }
        }
    )* };
}
values!(i8 i16 i32 i64 isize u8 u16 u32 f32 f64 bool String Vec<u8> Value);

macro_rules! large_values {
    ($($ty:ty)*) => { $(
        impl SqlValue for $ty {
            /// One that is larger than SQLite's integers is a text, which equals none of them.
            fn into_value(self) -> Value {
                i64::try_from(self).map_or_else(|_| Value::Text(self.to_string()), Value::Integer)
            }
        }
    )* };
}
large_values!(u64 usize);

impl SqlValue for &str {
    fn into_value(self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl<T: SqlValue> SqlValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, SqlValue::into_value)
    }
}

/// A row: a tuple or an array of values, or the one value that it has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row",
    label = "not a row",
    note = "give a tuple of up to eight values, an array of them, or a single one"
)]
pub trait Row {
    #[doc(hidden)]
    fn into_values(self) -> Vec<Value>;
}

impl<T: SqlValue> Row for T {
    fn into_values(self) -> Vec<Value> {
        vec![self.into_value()]
    }
}

impl<T: SqlValue, const N: usize> Row for [T; N] {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(SqlValue::into_value).collect()
    }
}

macro_rules! tuple {
    ($($T:ident)+) => {
        impl<$($T: SqlValue),+> Row for ($($T,)+) {
            #[allow(non_snake_case, reason = "the type parameters name the fields")]
            fn into_values(self) -> Vec<Value> {
                let ($($T,)+) = self;
                vec![$($T.into_value()),+]
            }
        }
    };
}
tuple!(T1);
tuple!(T1 T2);
tuple!(T1 T2 T3);
tuple!(T1 T2 T3 T4);
tuple!(T1 T2 T3 T4 T5);
tuple!(T1 T2 T3 T4 T5 T6);
tuple!(T1 T2 T3 T4 T5 T6 T7);
tuple!(T1 T2 T3 T4 T5 T6 T7 T8);

/// A value as text.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}

/// A row as text.
pub(super) fn show_row(row: &[Value]) -> String {
    format!("({})", row.iter().map(show).collect::<Vec<_>>().join(", "))
}
