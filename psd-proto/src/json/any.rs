//! `google.protobuf.Any`: a message together with the name of its type.

use prost_types::{Any, Duration, FieldMask, ListValue, Struct, Timestamp, Value};

use super::{Error, FieldReader, JsonMessage, JsonValue, Kind, Reader, Result, Writer};
use crate::Schema;
use crate::json::message::Seen;

/// A message that a `google.protobuf.Any` may hold: its name and its codecs.
#[derive(Debug, Clone, Copy)]
pub struct AnyType {
    name: &'static str,
    /// Reads the JSON form and returns the binary form. A well-known type is one value, a message the members of the
    /// object that was begun.
    read: fn(&mut Reader<'_>) -> Result<Vec<u8>>,
    /// Writes the JSON form of the binary form; `false` if that is malformed.
    write: fn(&[u8], &mut Writer<'_>) -> bool,
    /// Whether the JSON form is the member `value` of the object.
    well_known: bool,
}

impl AnyType {
    /// The entry of a generated message.
    #[must_use]
    pub const fn of<M: crate::Message>() -> Self {
        Self { name: M::FULL_NAME, read: read_members::<M>, write: write_members::<M>, well_known: false }
    }

    const fn well_known<T: JsonValue + prost::Message>(name: &'static str) -> Self {
        Self { name, read: read_value::<T>, write: write_value::<T>, well_known: true }
    }

    /// The fully qualified protobuf name, such as `chat.SendChat`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// Always known. The scalars stand for their wrappers, as everywhere in prost.
static WELL_KNOWN: &[AnyType] = &[
    AnyType::well_known::<Any>("google.protobuf.Any"),
    AnyType::well_known::<bool>("google.protobuf.BoolValue"),
    AnyType::well_known::<Vec<u8>>("google.protobuf.BytesValue"),
    AnyType::well_known::<f64>("google.protobuf.DoubleValue"),
    AnyType::well_known::<Duration>("google.protobuf.Duration"),
    AnyType { name: "google.protobuf.Empty", read: read_members::<()>, write: write_members::<()>, well_known: false },
    AnyType::well_known::<FieldMask>("google.protobuf.FieldMask"),
    AnyType::well_known::<f32>("google.protobuf.FloatValue"),
    AnyType::well_known::<i32>("google.protobuf.Int32Value"),
    AnyType::well_known::<i64>("google.protobuf.Int64Value"),
    AnyType::well_known::<ListValue>("google.protobuf.ListValue"),
    AnyType::well_known::<String>("google.protobuf.StringValue"),
    AnyType::well_known::<Struct>("google.protobuf.Struct"),
    AnyType::well_known::<Timestamp>("google.protobuf.Timestamp"),
    AnyType::well_known::<u32>("google.protobuf.UInt32Value"),
    AnyType::well_known::<u64>("google.protobuf.UInt64Value"),
    AnyType::well_known::<Value>("google.protobuf.Value"),
];

/// The messages that a `google.protobuf.Any` may hold: the well-known types and those of some schemas.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyTypes(&'static [AnyType]);

impl AnyTypes {
    /// Collects the types of schemas. The list is kept for the rest of the program: make it once, at start-up.
    #[must_use]
    pub fn of(schemas: &[&Schema]) -> Self {
        let mut types: Vec<_> = schemas.iter().flat_map(|schema| schema.types).copied().collect();
        types.sort_by_key(AnyType::name);
        types.dedup_by_key(|any_type| any_type.name);
        Self(types.leak())
    }

    /// The type of this name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'static AnyType> {
        let found = |types: &'static [AnyType]| {
            types.binary_search_by_key(&name, |any_type| any_type.name).ok().and_then(|index| types.get(index))
        };
        found(self.0).or_else(|| found(WELL_KNOWN))
    }
}

impl JsonValue for Any {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        // The type may come last: a copy of the reader goes ahead to find it. Usually it is the first member.
        let Some(type_url) = find_type(&mut reader.clone())? else {
            return read_empty(reader);
        };
        let name = type_url.rsplit_once('/').map(|(_, name)| name);
        let Some(any_type) = name.and_then(|name| reader.types().get(name)) else {
            let url = super::error::shown(&type_url);
            return Err(reader.problem(format!("`@type` is `{url}`, which names no message that is known here")));
        };
        reader.begin_object()?;
        self.type_url = type_url;
        if any_type.well_known {
            self.value = read_well_known(any_type, reader)?;
        } else {
            self.value = (any_type.read)(reader)?;
        }
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        if self.type_url.is_empty() && self.value.is_empty() {
            return writer.raw("{}");
        }
        let start = writer.begin();
        writer.raw(",\"@type\":");
        writer.string(&self.type_url);
        let name = self.type_url.rsplit_once('/').map(|(_, name)| name);
        let Some(any_type) = name.and_then(|name| writer.types().get(name)) else {
            let url = super::error::shown(&self.type_url);
            return writer.refuse(format!("an `Any` of type `{url}` is of no message that is known here"));
        };
        if any_type.well_known {
            writer.raw(",\"value\":");
        }
        if !(any_type.write)(&self.value, writer) {
            return writer.refuse(format!("an `Any` of type `{}` holds something else", any_type.name));
        }
        writer.end_object(start);
    }

    fn is_default(&self) -> bool {
        false
    }
}

/// The member `@type` of the object that is next.
fn find_type(reader: &mut Reader<'_>) -> Result<Option<String>> {
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key == "@type" {
            return Ok(Some(reader.string()?.into_owned()));
        }
        reader.skip()?;
    }
    Ok(None)
}

/// Passes over `@type`, which must be there once.
fn skip_type(seen: &mut bool, reader: &mut Reader<'_>) -> Result<()> {
    if std::mem::replace(seen, true) {
        return Err(reader.problem("`@type` is there twice"));
    }
    reader.skip().map(drop)
}

/// `{}` is an `Any` that holds nothing; with other members the type is missing.
fn read_empty(reader: &mut Reader<'_>) -> Result<()> {
    let error: Error = reader.problem("the member `@type` is missing");
    reader.begin_object()?;
    if reader.next_key()?.is_some() { Err(error) } else { Ok(()) }
}

/// The member `value` of an object that was begun.
fn read_well_known(any_type: &AnyType, reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let (mut value, mut typed) = (None, false);
    while let Some(key) = reader.next_key()? {
        match &*key {
            "@type" => skip_type(&mut typed, reader)?,
            "value" if value.is_some() => return Err(reader.problem("`value` is there twice")),
            "value" => value = Some((any_type.read)(reader)?),
            _ => super::message::unknown(&key, reader)?,
        }
    }
    value.ok_or_else(|| reader.problem("the member `value` is missing"))
}

fn read_members<M: JsonMessage + prost::Message>(reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let mut message = M::default();
    let (mut seen, mut typed) = (Seen::default(), false);
    while let Some(name) = reader.next_key()? {
        if name == "@type" {
            skip_type(&mut typed, reader)?;
        } else {
            message.read_field(&name, FieldReader::new(reader, &mut seen))?;
        }
    }
    Ok(message.encode_to_vec())
}

fn write_members<M: JsonMessage + prost::Message>(bytes: &[u8], writer: &mut Writer<'_>) -> bool {
    M::decode(bytes).map(|message| message.write_fields(writer)).is_ok()
}

fn read_value<T: JsonValue + prost::Message>(reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let mut value = T::default();
    if reader.peek() == Kind::Null && !T::NULL {
        reader.null()?;
    } else {
        value.read(reader)?;
    }
    Ok(value.encode_to_vec())
}

fn write_value<T: JsonValue + prost::Message + Default>(bytes: &[u8], writer: &mut Writer<'_>) -> bool {
    T::decode(bytes).map(|value| value.write(writer)).is_ok()
}
