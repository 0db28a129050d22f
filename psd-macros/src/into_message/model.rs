//! A struct that met every rule: what `expand` prints.

use syn::{Data, DeriveInput, Fields, GenericArgument, Generics, Ident, Path, PathArguments, Type};

use super::args::{FieldArgs, Target};
use crate::errors::Errors;

/// A struct, the message it becomes, and how each field gets there.
pub(crate) struct Conversion {
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) target: Target,
    pub(crate) fields: Vec<Field>,
}

/// A field that is in the message.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) kind: Type,
    /// Its name in the message.
    pub(crate) target: Ident,
    pub(crate) through: Through,
}

/// The function a field goes through, in `psd_core::into_message` unless it is the user's.
pub(crate) enum Through {
    /// The user's, from `with`.
    Function(Path),
    /// A plain value.
    IntoField,
    /// `Option<T>`.
    Optional,
    /// `Option<Box<T>>`: a message that holds itself.
    OptionalBox,
    /// `Vec<T>`.
    Repeated,
    /// `HashMap<K, V>`, `BTreeMap<K, V>`.
    Map,
}

impl Conversion {
    /// Checks every rule; `None` only where a mistake was reported that leaves nothing to build on.
    pub(crate) fn new(input: &DeriveInput, errors: &mut Errors) -> Option<Self> {
        let name = &input.ident;
        let way_out = "derive it on a struct with named fields, or implement the trait by hand";
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => &fields.named,
                Fields::Unnamed(fields) => {
                    errors.at(
                        fields,
                        format!("the fields of `{name}` have no names that the message could have too: {way_out}"),
                    );
                    return None;
                }
                Fields::Unit => {
                    errors.at(name, format!("`{name}` has no fields: {way_out}"));
                    return None;
                }
            },
            Data::Enum(data) => {
                errors.at(data.enum_token, format!("`{name}` is an enum, which no message is: {way_out}"));
                return None;
            }
            Data::Union(data) => {
                errors.at(data.union_token, format!("`{name}` is a union, which no message is: {way_out}"));
                return None;
            }
        };
        let target = Target::find(name, &input.attrs, errors);
        let mut converted: Vec<Field> = Vec::new();
        for field in fields {
            let args = FieldArgs::find(&field.attrs, errors);
            let Some(name) = field.ident.clone().filter(|_| args.skip.is_none()) else { continue };
            let target = args.rename.unwrap_or_else(|| name.clone());
            if let Some(other) = converted.iter().find(|other| other.target == target) {
                let text = format!(
                    "`{}` already becomes the message's field `{target}`: rename or skip one of them",
                    other.name
                );
                errors.at(&target, text);
                continue;
            }
            let through = args.with.map_or_else(|| through(&field.ty), Through::Function);
            converted.push(Field { name, kind: field.ty.clone(), target, through });
        }
        Some(Self { name: name.clone(), generics: input.generics.clone(), target: target?, fields: converted })
    }
}

/// How a field of this type is converted, by how the type is written: a macro sees no more of it.
fn through(kind: &Type) -> Through {
    match container(kind) {
        Some(("Option", Some(inner))) if matches!(container(inner), Some(("Box", _))) => Through::OptionalBox,
        Some(("Option", _)) => Through::Optional,
        Some(("Vec", _)) => Through::Repeated,
        Some(("HashMap" | "BTreeMap", _)) => Through::Map,
        _ => Through::IntoField,
    }
}

/// The container's name and its first type argument.
fn container(kind: &Type) -> Option<(&'static str, Option<&Type>)> {
    match kind {
        Type::Group(group) => container(&group.elem),
        Type::Paren(paren) => container(&paren.elem),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let known = ["Option", "Box", "Vec", "HashMap", "BTreeMap"];
            let name = known.into_iter().find(|known| last.ident == known)?;
            let inner = arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(inner) => Some(inner),
                _ => None,
            });
            Some((name, inner))
        }
        _ => None,
    }
}
