//! What a handler leaves behind: data in the registry, and a pointer to a function that calls it.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Ident, Type};

use super::limits::Limits;
use super::model::{Argument, Handler, Mode};
use crate::errors::shown;
use crate::spans::ends;

/// The registration of `handler`.
pub(crate) fn registration(handler: &Handler) -> TokenStream {
    let Handler { name, message, arguments, permissions, whitelist_groups, blacklist_groups, .. } = handler;
    let call = local("call");
    let body = local("message");
    let locals: Vec<Ident> = (1..=arguments.len()).map(|n| local(&format!("argument_{n}"))).collect();
    let conditions: Vec<TokenStream> =
        arguments.iter().map(|Argument { conditions, .. }| quote! { #(#conditions)* }).collect();
    let kinds: Vec<_> = arguments.iter().map(|argument| &argument.kind).collect();
    let invocation = invocation(handler, &call, &body, &conditions, &locals);
    let text = name.unraw().to_string();
    // `line!()` reports the place of its own tokens only where they carry the user's span as it is.
    let location = quote_spanned! {name.span()=>
        ::psd_core::SourceLocation { file: ::core::file!(), line: ::core::line!(), column: ::core::column!() }
    };
    let consumer = match &handler.consumer {
        Some(path) => quote! { #path },
        None => quote! { ::psd_core::DefaultConsumer },
    };
    let auth = match handler.auth {
        Some(auth) => quote! { ::core::option::Option::Some(#auth) },
        None => quote! { ::core::option::Option::None },
    };
    let function = match &handler.guard {
        Some(path) => {
            let text = shown(path);
            quote! {
                ::core::option::Option::Some(::psd_core::GuardFunction {
                    name: #text,
                    requirements: || ::psd_core::guard_requirements::<#message, _, _, _>(#path),
                })
            }
        }
        None => quote! { ::core::option::Option::None },
    };
    let limits = limits(&handler.limits);
    let mode = match handler.mode {
        Mode::InPlace => quote! { InPlace },
        Mode::Async => quote! { Async },
        Mode::Concurrent => quote! { Concurrent },
        Mode::Blocking => quote! { Blocking },
    };
    // One literal, the call included: within one body the compiler reports a type that lacks a trait once, however
    // often it is used.
    quote! {
        const _: () = {
            const RECEIVER: ::psd_core::Receiver = ::psd_core::Receiver {
                name: #text,
                module: ::core::module_path!(),
                location: #location,
                message: <#message as ::psd_core::ClientMessage>::INFO,
                consumer: ::psd_core::ConsumerSpec::of::<#consumer>,
                guard: ::psd_core::Guard {
                    auth: #auth,
                    permissions: &[#(#permissions),*],
                    whitelist_groups: &[#(#whitelist_groups),*],
                    blacklist_groups: &[#(#blacklist_groups),*],
                    function: #function,
                },
                limits: #limits,
                mode: ::psd_core::Mode::#mode,
                requirements: &[#( #conditions <#kinds as ::psd_core::Extract>::requirement ),*],
                receive: |#call| {
                    #( #conditions let #locals = #call.extract::<#kinds>()?; )*
                    let #body = #call.message::<#message>()?;
                    ::core::result::Result::Ok(#invocation)
                },
            };
            ::psd_core::inventory::submit! { RECEIVER }
        };
    }
}

/// What limits the calls, as far as it is given.
fn limits(limits: &Limits) -> TokenStream {
    let timeout = limits.timeout.map(|milliseconds| {
        quote! { timeout: ::core::option::Option::Some(::core::time::Duration::from_millis(#milliseconds)), }
    });
    let rate = limits.rate.map(|(count, unit)| {
        let per = Ident::new(unit, Span::call_site());
        quote! { rate: ::core::option::Option::Some(::psd_core::Rate::#per(#count)), }
    });
    let max_bytes = limits.max_bytes.map(|bytes| quote! { max_bytes: ::core::option::Option::Some(#bytes), });
    if timeout.is_none() && rate.is_none() && max_bytes.is_none() {
        return quote! { ::psd_core::Limits::NONE };
    }
    quote! { ::psd_core::Limits { #timeout #rate #max_bytes ..::psd_core::Limits::NONE } }
}

/// `call.future(send_chat(message, argument_1))`, in the handler's mode, or
/// `call.guarded(in_room, message)?.future(move |message| send_chat(message, argument_1))`.
///
/// What the result lacks, to be an outcome or `Send`, is reported over the call's argument or the method's name. Both
/// are placed on the return type: the argument's first and last token on its ends, the method on its name. (On the
/// function's name, where there is no return type.)
fn invocation(
    handler: &Handler,
    call: &Ident,
    body: &Ident,
    conditions: &[TokenStream],
    locals: &[Ident],
) -> TokenStream {
    let mut name = handler.name.clone();
    let ((first, last), middle) = match &handler.output {
        Some(Type::Path(output)) => (ends(output), output.path.segments.last().map(|segment| segment.ident.span())),
        Some(output) => (ends(output), None),
        None => ((name.span(), name.span()), None),
    };
    let method = |text| Ident::new(text, middle.unwrap_or(first));
    name.set_span(name.span().located_at(first));
    let mut arguments = Group::new(Delimiter::Parenthesis, quote! { #body #( , #conditions #locals )* });
    arguments.set_span(name.span().located_at(last));
    if let Some(guard) = &handler.guard {
        let method = match handler.mode {
            Mode::InPlace => method("ready"),
            Mode::Async | Mode::Concurrent => method("future"),
            Mode::Blocking => method("blocking"),
        };
        // The guard borrows the message, which the handler then gets.
        let handler = if locals.is_empty() {
            quote! { #name }
        } else {
            let closure = quote_spanned! {name.span()=> move |#body| };
            quote! { #closure #name #arguments }
        };
        return quote! { #call.guarded(#guard, #body)?.#method(#handler) };
    }
    let (method, argument) = match handler.mode {
        Mode::InPlace => (method("ready"), quote! { #name #arguments }),
        Mode::Async | Mode::Concurrent => (method("future"), quote! { #name #arguments }),
        Mode::Blocking => {
            let closure = quote_spanned! {name.span()=> move || };
            (method("blocking"), quote! { #closure #name #arguments })
        }
    };
    quote! { #call.#method(#argument) }
}

/// A name that no name of the user can be taken for, nor take.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
