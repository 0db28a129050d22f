//! Places: where the compiler shows an error of the code we write.

use proc_macro2::{Span, TokenTree};
use quote::ToTokens;

/// The places of the first and the last token; `Span::join` does nothing on a stable compiler.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.into_token_stream().into_iter();
    let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
    let last = tokens.last().map_or(first, |token| match token {
        TokenTree::Group(group) => group.span_close(),
        other => other.span(),
    });
    (first, last)
}
