//! `#[derive(IntoMessage)]`: a struct of the application becomes a message, field by field.

mod args;
mod expand;
mod model;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::model::Conversion;
use crate::errors::Errors;

/// The implementations, or every mistake of this derive.
pub(crate) fn into_message(item: TokenStream) -> TokenStream {
    match syn::parse2::<DeriveInput>(item).and_then(|input| conversion(&input)) {
        Ok(conversion) => expand::implementations(&conversion),
        Err(error) => error.into_compile_error(),
    }
}

/// What is derived, or every mistake of this derive.
pub(crate) fn conversion(input: &DeriveInput) -> syn::Result<Conversion> {
    let mut errors = Errors::default();
    let conversion = Conversion::new(input, &mut errors);
    errors.finish(conversion)
}
