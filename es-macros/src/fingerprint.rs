//! The shape of a state as a number: a snapshot of another shape is not read.

use crate::names::source_text;
use syn::{Attribute, Data, DeriveInput, Fields, Type};

/// The fingerprint of a type: its declared version, its fields' names, types and `#[serde(..)]`s; of an enum,
/// all of that for every variant. It depends on nothing else, so it is the same in every build.
pub fn of(input: &DeriveInput, version: u32) -> u64 {
    let mut hash = Fnv::new();
    hash.word(&version.to_string());
    hash.shape(input);
    hash.0
}

/// The fingerprint of a type that is kept under a key: the same of its fields, and the key's type. Its version
/// is kept beside it.
pub fn keyed(input: &DeriveInput, key: Option<&Type>) -> u64 {
    let mut hash = Fnv::new();
    hash.word(&key.map_or_else(String::new, source_text));
    hash.shape(input);
    hash.0
}

/// FNV-1a, 64 bits: short, and written down once and for all.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    /// A word, and an end that stands in no word.
    fn word(&mut self, word: &str) {
        word.bytes().for_each(|byte| self.byte(byte));
        self.byte(0xff);
    }

    fn shape(&mut self, input: &DeriveInput) {
        self.serde(&input.attrs);
        match &input.data {
            Data::Struct(data) => self.fields(&data.fields),
            Data::Enum(data) => {
                for variant in &data.variants {
                    self.word("variant");
                    self.word(&variant.ident.to_string());
                    self.serde(&variant.attrs);
                    self.fields(&variant.fields);
                }
            }
            Data::Union(_) => {}
        }
    }

    fn fields(&mut self, fields: &Fields) {
        for (index, field) in fields.iter().enumerate() {
            let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
            self.word(&name);
            self.word(&source_text(&field.ty));
            self.serde(&field.attrs);
        }
    }

    fn serde(&mut self, attrs: &[Attribute]) {
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            self.word(&source_text(&attr.meta));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_shape_keeps_its_number() {
        let account: DeriveInput = parse_quote!(
            struct Account {
                owner: String,
                balance: u64,
            }
        );
        assert_eq!(of(&account, 1), 7_517_266_017_521_632_762);
        let spaced: DeriveInput = parse_quote!(
            pub struct Renamed {
                pub owner: String,
                pub balance: u64,
            }
        );
        assert_eq!(of(&spaced, 1), of(&account, 1));
    }

    #[test]
    fn another_key_has_another_number() {
        let orders: DeriveInput = parse_quote!(
            struct DailyOrders {
                placed: u32,
            }
        );
        let keys: [Type; 3] = [parse_quote!(Date), parse_quote!(String), parse_quote!(())];
        let mut numbers: Vec<u64> = keys.iter().map(|key| keyed(&orders, Some(key))).collect();
        assert_eq!(numbers[0], keyed(&orders, Some(&parse_quote!(Date))));
        numbers.push(keyed(&orders, None));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 4);
    }

    #[test]
    fn another_shape_has_another_number() {
        let shapes: [DeriveInput; 6] = [
            parse_quote!(
                struct A {
                    owner: String,
                    balance: u64,
                }
            ),
            parse_quote!(
                struct A {
                    owner: String,
                    balance: i64,
                }
            ),
            parse_quote!(
                struct A {
                    owner: String,
                    funds: u64,
                }
            ),
            parse_quote!(
                struct A {
                    owner: String,
                    #[serde(rename = "funds")]
                    balance: u64,
                }
            ),
            parse_quote!(
                struct A {
                    balance: u64,
                    owner: String,
                }
            ),
            parse_quote!(
                enum A {
                    Open { owner: String, balance: u64 },
                }
            ),
        ];
        let mut numbers: Vec<u64> = shapes.iter().map(|shape| of(shape, 1)).collect();
        numbers.push(of(&shapes[0], 2));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 7);
    }
}
