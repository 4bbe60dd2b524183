//! The shape of a state as a number: a snapshot of another shape is not read.

use crate::names::source_text;
use syn::{Attribute, Data, DeriveInput, Fields, Type};

/// The fingerprint of a type: its declared version, its fields' names, types and `#[serde(..)]`s; of an enum,
/// all of that for every variant. It depends on nothing else, so it is the same in every build.
pub fn of(input: &DeriveInput, version: u32) -> u64 {
    let mut hash = Fnv::new();
    hash.word(&version.to_string());
    hash.serde(&input.attrs);
    match &input.data {
        Data::Struct(data) => hash.fields(&data.fields),
        Data::Enum(data) => {
            for variant in &data.variants {
                hash.word("variant");
                hash.word(&variant.ident.to_string());
                hash.serde(&variant.attrs);
                hash.fields(&variant.fields);
            }
        }
        Data::Union(_) => {}
    }
    hash.0
}

/// The fingerprint of a state that there is one of per key: of the type, and of the key as it is written.
pub fn keyed(input: &DeriveInput, version: u32, key: &Type) -> u64 {
    let mut hash = Fnv(of(input, version));
    hash.word(&source_text(key));
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
    fn another_key_is_another_shape() {
        let state: DeriveInput = parse_quote!(
            struct Offer {
                articles: u32,
            }
        );
        let keys: [Type; 2] = [parse_quote!(CartId), parse_quote!(())];
        assert_ne!(keyed(&state, 1, &keys[0]), keyed(&state, 1, &keys[1]));
        assert_ne!(keyed(&state, 1, &keys[0]), keyed(&state, 2, &keys[0]));
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
