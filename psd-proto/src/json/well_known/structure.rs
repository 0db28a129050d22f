//! `google.protobuf.Struct`, `Value` and `ListValue`: JSON as it is.

use prost_types::value::Kind as ValueKind;
use prost_types::{ListValue, Struct, Value};

use crate::json::{JsonValue, Kind, Reader, Result, Writer};

impl JsonValue for Value {
    const NULL: bool = true;

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        self.kind = Some(match reader.peek() {
            Kind::Object => {
                let mut value = Struct::default();
                value.read(reader)?;
                ValueKind::StructValue(value)
            }
            Kind::Array => {
                let mut value = ListValue::default();
                value.read(reader)?;
                ValueKind::ListValue(value)
            }
            Kind::String => ValueKind::StringValue(reader.string()?.into_owned()),
            Kind::Number => ValueKind::NumberValue(reader.f64()?),
            Kind::Bool => ValueKind::BoolValue(reader.bool()?),
            Kind::Null if reader.null()? => ValueKind::NullValue(0),
            _ => return Err(reader.expected("a value")),
        });
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        match &self.kind {
            Some(ValueKind::StructValue(value)) => value.write(writer),
            Some(ValueKind::ListValue(value)) => value.write(writer),
            Some(ValueKind::StringValue(value)) => writer.string(value),
            // As a string it would come back as one.
            Some(ValueKind::NumberValue(value)) if !value.is_finite() => {
                writer.refuse(format!("{value} is no number that a `google.protobuf.Value` can have in JSON"));
            }
            Some(ValueKind::NumberValue(value)) => writer.f64(*value),
            Some(ValueKind::BoolValue(value)) => writer.bool(*value),
            Some(ValueKind::NullValue(_)) | None => writer.null(),
        }
    }

    fn is_default(&self) -> bool {
        false
    }
}

impl JsonValue for Struct {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        self.fields.read(reader)
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.fields.write(writer);
    }

    fn is_default(&self) -> bool {
        false
    }
}

impl JsonValue for ListValue {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        self.values.read(reader)
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.values.write(writer);
    }

    fn is_default(&self) -> bool {
        false
    }
}
