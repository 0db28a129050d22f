//! The `#[message(…)]` attributes of `#[derive(IntoMessage)]`.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, LitStr, Path, Token};

use crate::errors::{Errors, nearest};

const FIELD_OPTIONS: [&str; 3] = ["rename", "with", "skip"];

/// `#[message(pb::UserData)]`, `#[message(pb::UserData, default)]` on the struct.
pub(crate) struct Target {
    pub(crate) message: Path,
    /// Whether fields that the struct lacks stay at their default.
    pub(crate) default: bool,
}

impl Target {
    /// The one `#[message(…)]` of the struct `name`.
    pub(crate) fn find(name: &Ident, attributes: &[Attribute], errors: &mut Errors) -> Option<Self> {
        let mut attributes = attributes.iter().filter(|attribute| attribute.path().is_ident("message"));
        let Some(attribute) = attributes.next() else {
            errors.at(name, format!("`{name}` does not say which message it becomes: add `#[message(pb::…)]`"));
            return None;
        };
        for repeated in attributes {
            errors.at(repeated, "`#[message]` is given twice: a struct becomes one message, keep one of them");
        }
        let way_out = "write `#[message(pb::UserData)]`";
        let list = attribute.meta.require_list().ok().filter(|list| !list.tokens.is_empty());
        let Some(list) = list else {
            errors.at(attribute, format!("`#[message]` names no message: {way_out}"));
            return None;
        };
        list.parse_args().map_err(|error| errors.push(error)).ok()
    }
}

impl Parse for Target {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let way_out = "write `#[message(pb::UserData)]` or `#[message(pb::UserData, default)]`";
        let Ok(message) = input.parse::<Path>() else {
            return Err(input.error(format!("expected the path of a message: {way_out}")));
        };
        if input.is_empty() {
            return Ok(Self { message, default: false });
        }
        if !input.peek(Token![,]) {
            return Err(input.error(format!("expected `,` after the message: {way_out}")));
        }
        input.parse::<Token![,]>()?;
        if input.is_empty() {
            return Ok(Self { message, default: false });
        }
        let option = input.call(Ident::parse_any)?;
        if option != "default" {
            return Err(syn::Error::new_spanned(&option, format!("unknown option `{option}`: {way_out}")));
        }
        input.parse::<Option<Token![,]>>()?;
        if input.is_empty() {
            Ok(Self { message, default: true })
        } else {
            Err(input.error(format!("nothing may follow `default`: {way_out}")))
        }
    }
}

/// `#[message(rename = "…", with = path)]` or `#[message(skip)]` on a field.
#[derive(Default)]
pub(crate) struct FieldArgs {
    /// The message's field.
    pub(crate) rename: Option<Ident>,
    /// The function that converts.
    pub(crate) with: Option<Path>,
    /// Whether the message has no such field.
    pub(crate) skip: Option<Ident>,
}

impl FieldArgs {
    /// Everything the `#[message(…)]` attributes of one field say.
    pub(crate) fn find(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let mut seen = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("message")) {
            if attribute.meta.require_list().is_ok_and(|list| !list.tokens.is_empty()) {
                let parsed = attribute.parse_args_with(|input: ParseStream<'_>| {
                    while !input.is_empty() {
                        args.option(input, &mut seen)?;
                        if !input.is_empty() {
                            input.parse::<Token![,]>()?;
                        }
                    }
                    Ok(())
                });
                if let Err(error) = parsed {
                    errors.push(error);
                }
            } else {
                errors.at(attribute, format!("`#[message]` says nothing here: {}", known()));
            }
        }
        if let Some(skip) = &args.skip
            && (args.rename.is_some() || args.with.is_some())
        {
            errors.at(skip, "`skip` contradicts the other options: a skipped field is not in the message");
        }
        args
    }

    fn option(&mut self, input: ParseStream<'_>, seen: &mut Vec<Ident>) -> syn::Result<()> {
        let Ok(name) = Ident::parse_any(input) else {
            return Err(input.error(format!("expected an option: {}", known())));
        };
        if seen.contains(&name) {
            return Err(syn::Error::new_spanned(&name, format!("`{name}` is given twice: keep one of them")));
        }
        seen.push(name.clone());
        match name.to_string().as_str() {
            "rename" => self.rename = Some(rename(&name, input)?),
            "with" => self.with = Some(with(&name, input)?),
            "skip" if input.is_empty() || input.peek(Token![,]) => self.skip = Some(name),
            "skip" => return Err(input.error("`skip` takes no value: write `skip`, or leave it out")),
            unknown => {
                let near = nearest(unknown, &FIELD_OPTIONS).map(|near| format!(", did you mean `{near}`?"));
                let text = match near {
                    Some(near) => format!("unknown option `{unknown}`{near} {}", known()),
                    None => format!("unknown option `{unknown}`: {}", known()),
                };
                return Err(syn::Error::new_spanned(&name, text));
            }
        }
        Ok(())
    }
}

/// `rename = "other"` or `rename = other`.
fn rename(name: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let way_out = "write `rename = \"field_of_the_message\"`";
    equals(name, input, way_out)?;
    let (text, place) = if input.peek(LitStr) {
        let literal: LitStr = input.parse()?;
        (literal.value(), literal.span())
    } else {
        let Ok(name) = Ident::parse_any(input) else {
            return Err(input.error(format!("`rename` takes the name of a field: {way_out}")));
        };
        (name.unraw().to_string(), name.span())
    };
    // prost writes the field `type` as `r#type`.
    let field = syn::parse_str::<Ident>(&text).or_else(|_| syn::parse_str::<Ident>(&format!("r#{text}")));
    match field {
        Ok(mut field) => {
            field.set_span(place);
            Ok(field)
        }
        Err(_) => Err(syn::Error::new(place, format!("`{text}` is not the name of a field: {way_out}"))),
    }
}

/// `with = path::to::function`.
fn with(name: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let way_out = "write `with = path::to::function`";
    equals(name, input, way_out)?;
    let path = input.parse::<Path>();
    match path {
        Ok(path) if input.is_empty() || input.peek(Token![,]) => Ok(path),
        Ok(_) => Err(input.error(format!("`with` takes the path of a function, not a call: {way_out}"))),
        Err(_) => Err(input.error(format!("`with` takes the path of a function: {way_out}"))),
    }
}

fn equals(name: &Ident, input: ParseStream<'_>, way_out: &str) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() {
            return Ok(());
        }
    }
    Err(syn::Error::new_spanned(name, format!("`{name}` needs a value: {way_out}")))
}

fn known() -> String {
    format!("the options are {}", FIELD_OPTIONS.map(|name| format!("`{name}`")).join(", "))
}
