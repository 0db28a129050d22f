//! What users see of the macros: the code they print, and the text and place of every mistake.
#![allow(clippy::unwrap_used)]

// The examples in the documentation show what the macros print today.
mod docs;
// `#[derive(IntoMessage)]`: golden expansions.
mod into_message;
// `#[derive(IntoMessage)]`: mistakes.
mod into_message_mistakes;
// `#[receive]`: golden expansions, one per option and mode.
mod receive;
// `#[receive]`: mistakes.
mod receive_mistakes;

use proc_macro2::TokenStream;

/// The text as tokens, with places.
#[track_caller]
fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap()
}

/// Generated code as rustfmt would print it.
#[track_caller]
fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

/// Every mistake as its text and, in front of it, the code it is written over.
fn mistakes(error: syn::Error) -> Vec<(String, String)> {
    error.into_iter().map(|error| (error.span().source_text().unwrap_or_default(), error.to_string())).collect()
}

/// Compares mistakes with what is expected of them, in any number.
#[track_caller]
fn check_mistakes(found: Vec<(String, String)>, expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = found.iter().map(|(place, text)| (place.as_str(), text.as_str())).collect();
    assert_eq!(found, expected);
}
