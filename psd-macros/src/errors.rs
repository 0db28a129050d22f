//! Mistakes of one invocation, collected so that the user sees all of them in one run.

use std::fmt::Display;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// Collected mistakes; each is spanned on its culprit.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Adds a mistake that is written over `culprit`.
    pub(crate) fn at(&mut self, culprit: impl ToTokens, text: impl Display) {
        self.push(syn::Error::new_spanned(culprit, text));
    }

    /// Adds a mistake.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The value, unless a mistake was added.
    pub(crate) fn finish<T>(self, value: Option<T>) -> syn::Result<T> {
        match (self.0, value) {
            (Some(error), _) => Err(error),
            (None, Some(value)) => Ok(value),
            (None, None) => unreachable!("a value is missing only where a mistake was added"),
        }
    }
}

/// Tokens as the user would write them: `State<Db>`, not `State < Db >`.
pub(crate) fn shown(tokens: impl ToTokens) -> String {
    fn print(tokens: TokenStream, out: &mut String) {
        for token in tokens {
            let text = match &token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    let mut text = open.to_owned();
                    print(group.stream(), &mut text);
                    text + close
                }
                other => other.to_string(),
            };
            let words = |c: char| c.is_alphanumeric() || c == '_' || c == '"';
            if out.ends_with(words) && text.starts_with(words) || out.ends_with([',', ';', '=']) || text == "=" {
                out.push(' ');
            }
            out.push_str(&text);
        }
    }
    let mut out = String::new();
    print(tokens.into_token_stream(), &mut out);
    out
}

/// The name among `known` that `typed` was probably meant to be.
pub(crate) fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, name) = known.iter().map(|name| (distance(typed, name), *name)).min()?;
    if distance <= 1 + typed.len() / 5 {
        return Some(name);
    }
    let mut longer = known.iter().filter(|name| typed.len() > 3 && name.contains(typed));
    longer.next().copied().filter(|_| longer.next().is_none())
}

/// How many characters to insert, remove or replace to get from one word to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.chars().count()]
}
