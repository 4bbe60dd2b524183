//! Expansions as text, for snapshots.

use proc_macro2::TokenStream;

/// The expansion as a formatted file.
pub fn expanded(tokens: TokenStream) -> String {
    let text = tokens.to_string();
    match syn::parse2(tokens) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => format!("{error}\n{text}"),
    }
}

/// The messages of the faults in an expansion.
pub fn messages(tokens: &TokenStream) -> Vec<String> {
    let text = tokens.to_string();
    let mut parts = text.split("compile_error ! { \"").skip(1);
    parts
        .by_ref()
        .filter_map(|part| part.split("\" }").next())
        .map(|part| part.replace("\\\"", "\""))
        .collect()
}
