//! `#[receive]`: a function becomes the handler of the message that its first parameter names.

mod args;
mod expand;
mod function;
mod limits;
mod model;

use proc_macro2::TokenStream;

use self::args::Args;
use self::function::Function;
use self::model::Handler;
use crate::errors::Errors;

/// The user's function untouched, then its registration, or every mistake of this invocation.
pub(crate) fn receive(args: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => return [item, error.into_compile_error()].into_iter().collect(),
    };
    match handler(args, &function) {
        Ok(handler) => [item, expand::registration(&handler)].into_iter().collect(),
        // The function is still there, so that a mistake in the attribute does not add "cannot find function".
        Err(error) => [function.without_receive(), error.into_compile_error()].into_iter().collect(),
    }
}

/// What is registered, or every mistake of this invocation.
pub(crate) fn handler(args: TokenStream, function: &Function) -> syn::Result<Handler> {
    let mut errors = Errors::default();
    let args = Args::parse(args, &mut errors);
    let handler = Handler::new(args, function, &mut errors);
    errors.finish(handler)
}
