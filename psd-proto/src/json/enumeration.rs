//! Enums: by name, and by number for values that the contract does not name.

use super::{Error, Reader, Result, Writer};

/// An enum of the contract. Generated; never implemented by hand.
pub trait JsonEnum {
    /// Every name with its number, in the order of the .proto file. Of several names for one number the first is
    /// written; all are read.
    const VALUES: &'static [(&'static str, i32)];
}

impl JsonEnum for prost_types::NullValue {
    const VALUES: &'static [(&'static str, i32)] = &[("NULL_VALUE", 0)];
}

/// Reads a name or number; `false` for an unknown name that is to be ignored.
pub(super) fn read(value: &mut i32, values: &[(&str, i32)], reader: &mut Reader<'_>) -> Result<bool> {
    if reader.next_byte() != Some(b'"') {
        let start = reader.at;
        *value = reader.i32().map_err(|_| unknown(reader, start, values))?;
        return Ok(true);
    }
    let start = reader.at;
    let name = reader.string()?;
    if let Some((_, number)) = values.iter().find(|(known, _)| *known == name) {
        *value = *number;
        return Ok(true);
    }
    if reader.ignores_unknown() {
        return Ok(false);
    }
    Err(unknown(reader, start, values))
}

/// Names the values, of a large enum the first ones.
#[cold]
fn unknown(reader: &Reader<'_>, start: usize, values: &[(&str, i32)]) -> Error {
    const SHOWN: usize = 8;
    let names: Vec<&str> = values.iter().take(SHOWN).map(|(name, _)| *name).collect();
    let more = if values.len() > SHOWN { ", …" } else { "" };
    Error::expected(reader.text, start, &format!("one of {}{more}", names.join(", ")))
}

/// Writes the first name of the number, or the number.
pub(super) fn write(number: i32, values: &[(&'static str, i32)], writer: &mut Writer<'_>) {
    match values.iter().find(|(_, known)| *known == number) {
        // Names are identifiers: nothing to escape.
        Some((name, _)) => {
            writer.raw("\"");
            writer.raw(name);
            writer.raw("\"");
        }
        None => writer.i32(number),
    }
}
