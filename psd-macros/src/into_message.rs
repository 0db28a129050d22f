//! `#[derive(IntoMessage)]`: a struct of the application becomes a message, field by field.

mod args;
mod expand;
mod model;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::args::Target;
use self::model::Conversion;
use crate::errors::Errors;

/// The implementations, or every mistake of this derive.
pub(crate) fn into_message(item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    match conversion(&input) {
        Ok(conversion) => expand::implementations(&conversion),
        Err(error) => {
            let target = Target::find(&input.ident, &input.attrs, &mut Errors::default());
            let placeholder = target.map(|target| expand::placeholder(&input, &target));
            error.into_compile_error().into_iter().chain(placeholder.unwrap_or_default()).collect()
        }
    }
}

/// What is derived, or every mistake of this derive.
pub(crate) fn conversion(input: &DeriveInput) -> syn::Result<Conversion> {
    let mut errors = Errors::default();
    let conversion = Conversion::new(input, &mut errors);
    errors.finish(conversion)
}
