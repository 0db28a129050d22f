//! The `#[receive]` attribute and the `IntoMessage` derive of psd.
//!
//! Use them through `psd-core`, which re-exports both; what they leave behind names its items.
//!
//! Each macro is three steps, one file each: `args` parses what the user wrote and collects every mistake, `model`
//! holds what is left once the rules are met, `expand` is a single `quote!` of the model.

mod errors;
mod into_message;
mod receive;
mod spans;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/receive.md")]
#[proc_macro_attribute]
pub fn receive(args: TokenStream, item: TokenStream) -> TokenStream {
    receive::receive(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/into_message.md")]
#[proc_macro_derive(IntoMessage, attributes(message))]
pub fn into_message(item: TokenStream) -> TokenStream {
    into_message::into_message(item.into()).into()
}
