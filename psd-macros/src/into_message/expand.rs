//! What the derive leaves behind: one function with one struct literal, and three short implementations.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{DeriveInput, GenericParam, Type};

use super::args::Target;
use super::model::{Conversion, Field, Through};
use crate::spans::ends;

/// The implementations for `conversion`.
pub(crate) fn implementations(conversion: &Conversion) -> TokenStream {
    let Conversion { name, generics, target, fields } = conversion;
    let message = &target.message;
    let (parameters, arguments, clause) = generics.split_for_impl();
    let this = quote! { #name #arguments };
    let explicit = explicit(generics);
    let names: Vec<&Ident> = fields.iter().map(|field| &field.name).collect();
    let locals: Vec<Ident> = names.iter().map(|name| local(name, fields)).collect();
    let kinds: Vec<TokenStream> = fields.iter().map(|field| without_self(&field.kind, &this)).collect();
    let values = fields.iter().zip(&locals).map(|(field, local)| value(field, local));
    // An alias, because a path that resolves to nothing is reported once as a type and again as a literal. Placed on
    // the user's path, where missing fields are reported.
    let literal = Ident::new("Message", ends(message).1);
    let rest = target.default.then(|| quote! { ..::core::default::Default::default() });
    let patterns = names.iter().zip(&locals).map(|(&name, local)| {
        if name == local {
            quote! { #name }
        } else {
            quote! { #name: #local }
        }
    });
    let clones = locals.iter().map(|local| {
        let clone = quote_spanned! {local.span()=> ::core::clone::Clone::clone };
        called(clone, quote! { #local }, local.span())
    });
    quote! {
        const _: () = {
            #[allow(clippy::too_many_arguments)]
            fn message_from_fields #parameters ( #( #locals: #kinds ),* ) -> #message #clause {
                type Message = #message;
                #literal { #( #values, )* #rest }
            }
            impl #parameters ::psd_core::IntoMessage for #this #clause {
                type Message = #message;
                fn into_message(self) -> #message {
                    message_from_fields #explicit ( #( self.#names ),* )
                }
                fn to_message(&self) -> ::std::borrow::Cow<'_, #message> {
                    let Self { #( #patterns, )* .. } = self;
                    ::std::borrow::Cow::Owned(message_from_fields #explicit ( #( #clones ),* ))
                }
            }
            impl #parameters ::psd_core::into_message::IntoField<#message> for #this #clause {
                fn into_field(self) -> #message {
                    ::psd_core::IntoMessage::into_message(self)
                }
            }
            impl #parameters ::psd_core::into_message::IntoField<::core::option::Option<#message>> for #this #clause {
                fn into_field(self) -> ::core::option::Option<#message> {
                    ::core::option::Option::Some(::psd_core::IntoMessage::into_message(self))
                }
            }
        };
    }
}

/// What stands in for the implementations where the derive has a mistake, so that the compiler does not report every
/// use of the struct too. Nothing of it ever runs.
pub(crate) fn placeholder(input: &DeriveInput, target: &Target) -> TokenStream {
    let (parameters, arguments, clause) = input.generics.split_for_impl();
    let (name, message) = (&input.ident, &target.message);
    quote! {
        const _: () = {
            impl #parameters ::psd_core::IntoMessage for #name #arguments #clause {
                type Message = #message;
                fn into_message(self) -> #message {
                    ::core::unreachable!()
                }
                fn to_message(&self) -> ::std::borrow::Cow<'_, #message> {
                    ::core::unreachable!()
                }
            }
            impl #parameters ::psd_core::into_message::IntoField<#message> for #name #arguments #clause {
                fn into_field(self) -> #message {
                    ::core::unreachable!()
                }
            }
            impl #parameters ::psd_core::into_message::IntoField<::core::option::Option<#message>>
            for #name #arguments #clause {
                fn into_field(self) -> ::core::option::Option<#message> {
                    ::core::unreachable!()
                }
            }
        };
    }
}

/// `name: into_field(name)`.
fn value(field: &Field, local: &Ident) -> TokenStream {
    let value = match &field.through {
        Through::Function(path) => called(quote! { #path }, quote! { #local }, ends(path).1),
        Through::OptionalBox => quote_spanned! {local.span()=>
            ::core::option::Option::map(#local, ::psd_core::into_message::boxed)
        },
        Through::IntoField => provided("into_field", local),
        Through::Optional => provided("optional", local),
        Through::Repeated => provided("repeated", local),
        Through::Map => provided("map", local),
    };
    let target = &field.target;
    quote! { #target: #value }
}

/// The variable that holds a field: named like the field, unless that would hide a function of that name from `with`.
fn local(name: &Ident, fields: &[Field]) -> Ident {
    let hides = |field: &Field| matches!(&field.through, Through::Function(path) if path.is_ident(name));
    if fields.iter().any(hides) { format_ident!("{name}_field", span = name.span()) } else { name.clone() }
}

/// A call of one of the functions in `psd_core::into_message`.
fn provided(function: &str, argument: &Ident) -> TokenStream {
    let function = Ident::new(function, argument.span());
    let path = quote_spanned! {argument.span()=> ::psd_core::into_message::#function };
    called(path, quote! { #argument }, argument.span())
}

/// A call whose last token is at `place`: with the path there too, what is wrong with the result is reported there.
fn called(path: TokenStream, argument: TokenStream, place: Span) -> TokenStream {
    let mut arguments = Group::new(Delimiter::Parenthesis, argument);
    arguments.set_span(place);
    quote! { #path #arguments }
}

/// `::<T, N>`: a parameter that only a skipped field uses cannot be inferred. Lifetimes always can.
fn explicit(generics: &syn::Generics) -> Option<TokenStream> {
    let names: Vec<&Ident> = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Lifetime(_) => None,
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
        })
        .collect();
    (!names.is_empty()).then(|| quote! { ::<#(#names),*> })
}

/// The type with `Self` spelled out, which means nothing in a free function.
fn without_self(kind: &Type, this: &TokenStream) -> TokenStream {
    fn replace(tokens: TokenStream, this: &TokenStream) -> TokenStream {
        tokens
            .into_iter()
            .flat_map(|token| match token {
                TokenTree::Ident(word) if word == "Self" => this.clone(),
                TokenTree::Group(group) => {
                    let mut replaced = Group::new(group.delimiter(), replace(group.stream(), this));
                    replaced.set_span(group.span());
                    TokenTree::Group(replaced).into()
                }
                other => other.into(),
            })
            .collect()
    }
    replace(kind.to_token_stream(), this)
}
