//! The options of `#[receive(…)]`: parsed one by one, so that one mistake does not hide the next.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitBool, LitInt, LitStr, Token};

use crate::errors::{Errors, nearest, shown};

/// Every option: its name, what its value looks like, and where the value goes.
const OPTIONS: [(&str, Value); 12] = [
    ("auth", Value::Switch(|args| &mut args.auth)),
    ("permissions", Value::List("app.codename", |args| &mut args.permissions)),
    ("whitelist_groups", Value::List("group", |args| &mut args.whitelist_groups)),
    ("blacklist_groups", Value::List("group", |args| &mut args.blacklist_groups)),
    ("guard", Value::Path("a function", "may_send", |args| &mut args.guard)),
    ("consumer", Value::Path("the type of a consumer", "Admin", |args| &mut args.consumer)),
    ("blocking", Value::Nothing(|args| &mut args.blocking)),
    ("concurrent", Value::Nothing(|args| &mut args.concurrent)),
    ("timeout", Value::Text("5s", |args| &mut args.timeout)),
    ("rate", Value::Text("10/s", |args| &mut args.rate)),
    ("max_bytes", Value::Number("4096", |args| &mut args.max_bytes)),
    ("any_name", Value::Nothing(|args| &mut args.any_name)),
];

/// The options as written.
#[derive(Default)]
pub(crate) struct Args {
    /// `auth`, `auth = true` or `auth = false`.
    pub(crate) auth: Option<(Ident, bool)>,
    pub(crate) permissions: Option<List>,
    pub(crate) whitelist_groups: Option<List>,
    pub(crate) blacklist_groups: Option<List>,
    pub(crate) guard: Option<syn::Path>,
    pub(crate) consumer: Option<syn::Path>,
    pub(crate) blocking: Option<Ident>,
    pub(crate) concurrent: Option<Ident>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) rate: Option<LitStr>,
    pub(crate) max_bytes: Option<LitInt>,
    pub(crate) any_name: Option<Ident>,
}

/// `name = ["…", "…"]`.
pub(crate) struct List {
    pub(crate) name: Ident,
    pub(crate) values: Vec<LitStr>,
}

/// The shape of an option's value, and its place in [`Args`].
#[derive(Clone, Copy)]
enum Value {
    /// `name`, `name = true`, `name = false`.
    Switch(fn(&mut Args) -> &mut Option<(Ident, bool)>),
    /// `name = ["…"]`, with what a string of it looks like.
    List(&'static str, fn(&mut Args) -> &mut Option<List>),
    /// `name = path::To`, with what the path names, and an example.
    Path(&'static str, &'static str, fn(&mut Args) -> &mut Option<syn::Path>),
    /// `name = "…"`, with what the string looks like.
    Text(&'static str, fn(&mut Args) -> &mut Option<LitStr>),
    /// `name = 1`, with an example.
    Number(&'static str, fn(&mut Args) -> &mut Option<LitInt>),
    /// `name` alone.
    Nothing(fn(&mut Args) -> &mut Option<Ident>),
}

impl Args {
    /// Parses `tokens`; a broken option is reported and left out.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let parser = |input: ParseStream<'_>| {
            let mut seen = Vec::new();
            while !input.is_empty() {
                if let Err(error) = args.option(input, &mut seen, errors) {
                    errors.push(error);
                    skip_value(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    fn option(&mut self, input: ParseStream<'_>, seen: &mut Vec<String>, errors: &mut Errors) -> syn::Result<()> {
        let Ok(name) = Ident::parse_any(input) else {
            return Err(input.error(format!("expected an option: {}", known())));
        };
        let text = name.unraw().to_string();
        let Some((_, value)) = OPTIONS.iter().find(|(known, _)| *known == text) else {
            return Err(syn::Error::new_spanned(&name, unknown(&text)));
        };
        if seen.contains(&text) {
            return Err(syn::Error::new_spanned(&name, format!("`{text}` is given twice: keep one of them")));
        }
        seen.push(text.clone());
        if input.peek(Ident::peek_any) {
            return Err(input.error(format!("expected `,` between the option `{text}` and the next")));
        }
        match value {
            Value::Switch(place) => *place(self) = Some((name.clone(), switch(&name, input)?)),
            Value::List(example, place) => *place(self) = Some(list(name, example, input, errors)?),
            Value::Path(kind, example, place) => *place(self) = Some(path(&name, kind, example, input)?),
            Value::Text(example, place) => {
                *place(self) = Some(literal(&name, "string", &format!("\"{example}\""), input)?);
            }
            Value::Number(example, place) => *place(self) = Some(literal(&name, "number", example, input)?),
            Value::Nothing(place) => {
                nothing(&name, input)?;
                *place(self) = Some(name);
            }
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(format!("expected `,` after the option `{text}`")));
        }
        Ok(())
    }
}

/// `true` where nothing follows the name.
fn switch(name: &Ident, input: ParseStream<'_>) -> syn::Result<bool> {
    if ends(input) {
        return Ok(true);
    }
    let way_out = format!("write `{name}`, `{name} = true` or `{name} = false`");
    let value = value(name, input, &way_out)?;
    match syn::parse2::<LitBool>(value.clone()) {
        Ok(literal) => Ok(literal.value),
        Err(_) => {
            let text = format!("`{name}` is either `true` or `false`, found `{}`: {way_out}", shown(&value));
            Err(syn::Error::new_spanned(value, text))
        }
    }
}

fn nothing(name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if ends(input) {
        return Ok(());
    }
    let value = skip_value(input)?;
    Err(syn::Error::new_spanned(value, format!("`{name}` takes no value: write `{name}`, or leave it out")))
}

fn path(name: &Ident, kind: &str, example: &str, input: ParseStream<'_>) -> syn::Result<syn::Path> {
    // Not through `value`: the commas of `Admin<A, B>` do not end the option.
    let ahead = input.fork();
    if ahead.parse::<Token![=]>().is_ok() && ahead.parse::<syn::TypePath>().is_ok() && ends(&ahead) {
        input.parse::<Token![=]>()?;
        return Ok(input.parse::<syn::TypePath>()?.path);
    }
    let way_out = format!("write `{name} = {example}`");
    let value = value(name, input, &way_out)?;
    let text = format!("`{name}` takes {kind}, found `{}`: {way_out}", shown(&value));
    Err(syn::Error::new_spanned(value, text))
}

fn literal<T: Parse>(name: &Ident, what: &str, example: &str, input: ParseStream<'_>) -> syn::Result<T> {
    let way_out = format!("write `{name} = {example}`");
    let value = value(name, input, &way_out)?;
    syn::parse2(value.clone()).map_err(|_| {
        let text = format!("`{name}` takes a {what}, found `{}`: {way_out}", shown(&value));
        syn::Error::new_spanned(value, text)
    })
}

fn list(name: Ident, example: &str, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<List> {
    let value = value(&name, input, &format!("write `{name} = [\"{example}\"]`"))?;
    let elements = match syn::parse2::<Expr>(value.clone()) {
        Ok(Expr::Array(array)) => array.elems,
        Ok(Expr::Lit(ExprLit { lit: Lit::Str(string), .. })) => {
            let text = format!("`{name}` takes a list of strings: write `{name} = [{}]`", shown(&string));
            return Err(syn::Error::new_spanned(value, text));
        }
        _ => {
            let text = format!("`{name}` takes a list of strings: write `{name} = [\"{example}\"]`");
            return Err(syn::Error::new_spanned(value, text));
        }
    };
    if elements.is_empty() {
        let text =
            format!("`{name}` is empty and would guard nothing: write `{name} = [\"{example}\"]`, or leave it out");
        return Err(syn::Error::new_spanned(value, text));
    }
    let mut values: Vec<LitStr> = Vec::new();
    for element in elements {
        match element {
            Expr::Lit(ExprLit { lit: Lit::Str(string), .. }) if string.value().trim().is_empty() => {
                errors.at(string, format!("`{name}` has an empty string: take it out"));
            }
            Expr::Lit(ExprLit { lit: Lit::Str(string), .. }) => {
                if values.contains(&string) {
                    errors.at(&string, format!("`{}` is in `{name}` twice: keep one of them", string.value()));
                }
                values.push(string);
            }
            other => {
                let text = format!("`{name}` takes string literals, found `{}`: write `\"{example}\"`", shown(&other));
                errors.at(other, text);
            }
        }
    }
    Ok(List { name, values })
}

/// What follows `name =`, up to the next comma.
fn value(name: &Ident, input: ParseStream<'_>, way_out: &str) -> syn::Result<TokenStream> {
    if let Some((TokenTree::Group(group), _)) = input.cursor().token_tree()
        && group.delimiter() == Delimiter::Parenthesis
    {
        skip_value(input)?;
        return Err(syn::Error::new_spanned(group, format!("`{name}` takes its value after `=`: {way_out}")));
    }
    if ends(input) {
        return Err(syn::Error::new_spanned(name, format!("`{name}` needs a value: {way_out}")));
    }
    if !input.peek(Token![=]) {
        return Err(input.error(format!("expected `=` after `{name}`: {way_out}")));
    }
    input.parse::<Token![=]>()?;
    let value = skip_value(input)?;
    if value.is_empty() {
        return Err(syn::Error::new_spanned(name, format!("`{name}` needs a value: {way_out}")));
    }
    Ok(value)
}

/// Takes everything up to the next comma.
fn skip_value(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !ends(input) {
        input.parse::<TokenTree>()?.to_tokens(&mut tokens);
    }
    Ok(tokens)
}

fn ends(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

fn unknown(name: &str) -> String {
    let names = OPTIONS.map(|(name, _)| name);
    match nearest(name, &names) {
        Some(near) => format!("unknown option `{name}`, did you mean `{near}`? {}", known()),
        None => format!("unknown option `{name}`: {}", known()),
    }
}

fn known() -> String {
    format!("the options are {}", OPTIONS.map(|(name, _)| format!("`{name}`")).join(", "))
}
