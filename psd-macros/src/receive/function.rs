//! The user's function: everything up to its body, which is no business of ours.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Signature, Token, Visibility};

/// A function whose body stays unparsed: faster, and indifferent to syntax that `syn` does not know yet.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
}

impl Function {
    /// Further `#[receive]` attributes on the same function.
    pub(crate) fn repeated(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| is_receive(attribute))
    }

    /// The function as written, less further `#[receive]` attributes, which would report its mistakes once more.
    pub(crate) fn without_receive(&self) -> TokenStream {
        let Self { attributes, visibility, signature, body } = self;
        let attributes = attributes.iter().filter(|attribute| !is_receive(attribute));
        quote! { #(#attributes)* #visibility #signature #body }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if !starts_function(input) {
            let found: TokenTree = input.parse()?;
            let text = format!(
                "`#[receive]` goes on a function, found `{found}`: move it to the function that handles the message"
            );
            return Err(syn::Error::new_spanned(found, text));
        }
        let signature: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let text =
                format!("`{}` has no body: `#[receive]` goes on a function that handles the message", signature.ident);
            return Err(syn::Error::new_spanned(&signature.ident, text));
        }
        Ok(Self { attributes, visibility, signature, body: input.parse()? })
    }
}

/// Whether `fn` follows, after any qualifiers.
fn starts_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while ahead.parse::<Option<Token![const]>>().is_ok_and(|token| token.is_some())
        || ahead.parse::<Option<Token![async]>>().is_ok_and(|token| token.is_some())
        || ahead.parse::<Option<Token![unsafe]>>().is_ok_and(|token| token.is_some())
        || ahead.parse::<Option<syn::Abi>>().is_ok_and(|abi| abi.is_some())
    {}
    ahead.peek(Token![fn])
}

fn is_receive(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "receive")
}
