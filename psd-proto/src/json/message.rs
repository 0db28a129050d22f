//! Messages: what generated code implements, and the loop that reads one.

use super::{Codec, Error, JsonValue, Plain, ReadOptions, Reader, Result, WriteOptions, Writer};

/// A message with a JSON form. Generated; never implemented by hand.
pub trait JsonMessage: Default {
    /// Reads the field called `name` (the proto name, the proto3 JSON name or the classic name).
    ///
    /// # Errors
    /// If the value is not the field's.
    fn read_field(&mut self, name: &str, field: FieldReader<'_, '_>) -> Result<()>;

    /// Writes the fields that do not have their defaults.
    fn write_fields(&self, writer: &mut Writer<'_>);
}

/// Reads a message from JSON text.
///
/// # Errors
/// If the text is not JSON, or not this message.
pub fn read<M: JsonMessage>(text: &str, options: &ReadOptions) -> Result<M> {
    let mut reader = Reader::new(text, options);
    let mut message = M::default();
    read_message(&mut message, &mut reader)?;
    reader.finish()?;
    Ok(message)
}

/// Appends a message as JSON text.
///
/// # Errors
/// If JSON cannot express a value in it: a timestamp or duration out of range, a `google.protobuf.Any` of an unknown
/// type, a number that is none in a `google.protobuf.Value`. `out` is then as long as before.
pub fn write<M: JsonMessage>(message: &M, out: &mut Vec<u8>, options: &WriteOptions) -> Result<()> {
    let length = out.len();
    let mut writer = Writer::new(out, options);
    writer.message(message);
    writer.finish().inspect_err(|_| out.truncate(length))
}

/// Reads the object that is next into `message`, which has its default.
///
/// # Errors
/// If the object is not this message.
pub fn read_message<M: JsonMessage>(message: &mut M, reader: &mut Reader<'_>) -> Result<()> {
    let mut seen = Seen::default();
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        message.read_field(&name, FieldReader { reader, seen: &mut seen })?;
    }
    Ok(())
}

/// Which fields of a message the text has named so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    first: u64,
    /// For messages of more than 64 fields; an empty vector costs nothing.
    rest: Vec<u64>,
}

impl Seen {
    /// Notes a field; `false` if it was there already.
    #[inline]
    fn insert(&mut self, index: usize) -> bool {
        let word = match index / 64 {
            0 => &mut self.first,
            word => {
                if self.rest.len() < word {
                    self.rest.resize(word, 0);
                }
                &mut self.rest[word - 1]
            }
        };
        let bit = 1 << (index % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

/// The reader before the value of a field.
///
/// Each method consumes it: a field is read once, or passed over once.
#[derive(Debug)]
pub struct FieldReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    seen: &'r mut Seen,
}

impl<'r, 'a> FieldReader<'r, 'a> {
    #[inline]
    pub(super) fn new(reader: &'r mut Reader<'a>, seen: &'r mut Seen) -> Self {
        Self { reader, seen }
    }

    /// Reads the field with this index among the fields of the message.
    ///
    /// # Errors
    /// If the field was there before, or its value is none.
    #[inline]
    pub fn read<T: JsonValue>(self, index: usize, value: &mut T) -> Result<()> {
        self.read_as::<Plain, T>(index, value)
    }

    /// Reads the field with this index, spelt as `C`.
    ///
    /// # Errors
    /// If the field was there before, or its value is none.
    #[inline]
    pub fn read_as<C: Codec<T>, T>(self, index: usize, value: &mut T) -> Result<()> {
        if !self.seen.insert(index) {
            return Err(self.reader.problem("the field is there twice"));
        }
        if !C::NULL && self.reader.null()? {
            return Ok(());
        }
        C::read(value, self.reader).map(drop)
    }

    /// Reads a field of a oneof: `variant` makes the oneof's value from the field's.
    ///
    /// # Errors
    /// If the oneof was set before, or the value is none of the field's.
    #[inline]
    pub fn read_oneof<T: JsonValue, O>(self, oneof: &mut Option<O>, variant: fn(T) -> O) -> Result<()> {
        self.read_oneof_as::<Plain, T, O>(oneof, variant)
    }

    /// Reads a field of a oneof, spelt as `C`.
    ///
    /// # Errors
    /// If the oneof was set before, or the value is none of the field's.
    #[inline]
    pub fn read_oneof_as<C: Codec<T>, T: Default, O>(
        self,
        oneof: &mut Option<O>,
        variant: impl FnOnce(T) -> O,
    ) -> Result<()> {
        if !C::NULL && self.reader.null()? {
            return Ok(());
        }
        if oneof.is_some() {
            return Err(self.reader.problem("another field of the same oneof is there already"));
        }
        let mut value = T::default();
        if C::read(&mut value, self.reader)? {
            *oneof = Some(variant(value));
        }
        Ok(())
    }

    /// Passes over a field that the message does not have.
    ///
    /// # Errors
    /// If unknown fields are not ignored, or the value is malformed.
    #[inline]
    pub fn unknown(self, name: &str) -> Result<()> {
        unknown(name, self.reader)
    }
}

/// Passes over the value of a field that is not known, if that is allowed.
#[cold]
pub(super) fn unknown(name: &str, reader: &mut Reader<'_>) -> Result<()> {
    if !reader.ignores_unknown() {
        return Err(unknown_error(name, reader));
    }
    reader.skip().map(drop)
}

fn unknown_error(name: &str, reader: &Reader<'_>) -> Error {
    reader.problem(format!("unknown field `{}`", super::error::shown(name)))
}

/// A recursive field is boxed; in JSON that makes no difference.
impl<M: JsonMessage> JsonMessage for Box<M> {
    #[inline]
    fn read_field(&mut self, name: &str, field: FieldReader<'_, '_>) -> Result<()> {
        M::read_field(self, name, field)
    }

    #[inline]
    fn write_fields(&self, writer: &mut Writer<'_>) {
        M::write_fields(self, writer);
    }
}

/// `google.protobuf.Empty`.
impl JsonMessage for () {
    fn read_field(&mut self, name: &str, field: FieldReader<'_, '_>) -> Result<()> {
        field.unknown(name)
    }

    fn write_fields(&self, _: &mut Writer<'_>) {}
}
