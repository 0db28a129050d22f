//! Writing JSON straight into the outgoing buffer.

use super::{AnyTypes, Codec, Error, JsonMessage, JsonValue, Names, Plain, WriteOptions, base64, scan, text};

/// The two spellings of a field's name, each with everything that precedes the value: `,"name":`.
///
/// Made by [`name!`](super::name) when the program is compiled.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    /// The proto3 JSON name.
    pub proto3: &'static str,
    /// The classic name.
    pub classic: &'static str,
}

/// The [`Name`] of a field: from the proto3 JSON name, and the classic name where that differs.
#[doc(hidden)]
#[macro_export]
macro_rules! __json_name {
    ($name:literal) => {
        $crate::json::Name {
            proto3: ::core::concat!(",\"", $name, "\":"),
            classic: ::core::concat!(",\"", $name, "\":"),
        }
    };
    ($proto3:literal, $classic:literal) => {
        $crate::json::Name {
            proto3: ::core::concat!(",\"", $proto3, "\":"),
            classic: ::core::concat!(",\"", $classic, "\":"),
        }
    };
}

/// Appends JSON to a buffer.
///
/// Members and elements are written with the comma in front; closing an object or array turns the first comma into
/// the opening bracket. So nobody has to ask whether a member is the first one:
///
/// ```
/// use psd_proto::json::{WriteOptions, Writer};
///
/// let mut out = Vec::new();
/// let mut writer = Writer::new(&mut out, &WriteOptions::default());
/// let object = writer.begin();
/// writer.key("name");
/// writer.string("pen");
/// writer.key("prices");
/// let array = writer.begin();
/// for price in [1, 2] {
///     writer.comma();
///     writer.i32(price);
/// }
/// writer.end_array(array);
/// writer.end_object(object);
/// writer.finish()?;
/// assert_eq!(out, br#"{"name":"pen","prices":[1,2]}"#);
/// # Ok::<(), psd_proto::json::Error>(())
/// ```
///
/// What JSON cannot express (a timestamp out of range, a `google.protobuf.Any` of a type nobody knows) is remembered
/// and reported by [`finish`](Self::finish), so that writing a field cannot fail.
#[derive(Debug)]
pub struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    names: Names,
    types: AnyTypes,
    error: Option<Error>,
}

/// Where an object or array begins.
#[derive(Debug, Clone, Copy)]
#[must_use = "an object or array that was begun must be ended"]
pub struct Start(usize);

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    #[must_use]
    pub fn new(out: &'a mut Vec<u8>, options: &WriteOptions) -> Self {
        Self { out, names: options.names, types: options.types, error: None }
    }

    /// The first thing that JSON could not express.
    ///
    /// # Errors
    /// If there was any; what was appended is then incomplete.
    pub fn finish(self) -> super::Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    /// Begins an object or array.
    #[inline]
    pub fn begin(&self) -> Start {
        Start(self.out.len())
    }

    /// Ends an object: what was written since is its members, each begun by [`key`](Self::key).
    #[inline]
    pub fn end_object(&mut self, start: Start) {
        self.end(start, b'{', b'}');
    }

    /// Ends an array: what was written since is its elements, each begun by [`comma`](Self::comma).
    #[inline]
    pub fn end_array(&mut self, start: Start) {
        self.end(start, b'[', b']');
    }

    #[inline]
    fn end(&mut self, start: Start, open: u8, close: u8) {
        match self.out.get_mut(start.0) {
            Some(comma) => *comma = open,
            None => self.out.push(open),
        }
        self.out.push(close);
    }

    /// Begins an element of an array.
    #[inline]
    pub fn comma(&mut self) {
        self.out.push(b',');
    }

    /// Begins a member of an object.
    #[inline]
    pub fn key(&mut self, key: &str) {
        self.out.push(b',');
        self.string(key);
        self.out.push(b':');
    }

    /// Writes a string.
    #[inline]
    pub fn string(&mut self, value: &str) {
        let bytes = value.as_bytes();
        self.out.reserve(bytes.len() + 2);
        self.out.push(b'"');
        let end = scan::plain_end(bytes, 0);
        if end == bytes.len() {
            self.out.extend_from_slice(bytes);
        } else {
            self.escaped(bytes, end);
        }
        self.out.push(b'"');
    }

    /// Writes text that needs escapes, the first at `at`.
    #[cold]
    fn escaped(&mut self, bytes: &[u8], mut at: usize) {
        let mut from = 0;
        while let Some(&byte) = bytes.get(at) {
            self.out.extend_from_slice(&bytes[from..at]);
            match text::escape_letter(byte) {
                b'u' => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                    self.out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                }
                letter => self.out.extend_from_slice(&[b'\\', letter]),
            }
            from = at + 1;
            at = scan::plain_end(bytes, from);
        }
        self.out.extend_from_slice(&bytes[from..]);
    }

    /// Writes a value that is JSON already. It is not checked.
    #[inline]
    pub fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Writes `null`.
    #[inline]
    pub fn null(&mut self) {
        self.raw("null");
    }

    /// Writes `true` or `false`.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    /// Writes a 32-bit integer.
    #[inline]
    pub fn i32(&mut self, value: i32) {
        self.raw(itoa::Buffer::new().format(value));
    }

    /// Writes a 32-bit integer.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        self.raw(itoa::Buffer::new().format(value));
    }

    /// Writes a 64-bit integer, as a string: JavaScript's numbers would lose digits.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.out.push(b'"');
        self.raw(itoa::Buffer::new().format(value));
        self.out.push(b'"');
    }

    /// Writes a 64-bit integer, as a string: JavaScript's numbers would lose digits.
    #[inline]
    pub fn u64(&mut self, value: u64) {
        self.out.push(b'"');
        self.raw(itoa::Buffer::new().format(value));
        self.out.push(b'"');
    }

    /// Writes a float; what is no number as `"NaN"`, `"Infinity"` or `"-Infinity"`, never bare.
    #[inline]
    pub fn f32(&mut self, value: f32) {
        if value.is_finite() {
            self.raw(zmij::Buffer::new().format_finite(value));
        } else {
            self.unnumbered(value.into());
        }
    }

    /// Writes a float; what is no number as `"NaN"`, `"Infinity"` or `"-Infinity"`, never bare.
    #[inline]
    pub fn f64(&mut self, value: f64) {
        if value.is_finite() {
            self.raw(zmij::Buffer::new().format_finite(value));
        } else {
            self.unnumbered(value);
        }
    }

    #[cold]
    fn unnumbered(&mut self, value: f64) {
        self.raw(match value {
            _ if value.is_nan() => "\"NaN\"",
            _ if value > 0.0 => "\"Infinity\"",
            _ => "\"-Infinity\"",
        });
    }

    /// Writes bytes as padded base64.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.out.push(b'"');
        base64::encode(value, self.out);
        self.out.push(b'"');
    }

    /// Writes a field unless it has its default.
    #[inline]
    pub fn field<T: JsonValue>(&mut self, name: Name, value: &T) {
        self.field_as::<Plain, T>(name, value);
    }

    /// Writes a field as `C` spells it, unless it has its default.
    #[inline]
    pub fn field_as<C: Codec<T>, T>(&mut self, name: Name, value: &T) {
        if !C::is_default(value) {
            self.present_as::<C, T>(name, value);
        }
    }

    /// Writes a field, also if it has its default.
    #[inline]
    pub fn present<T: JsonValue>(&mut self, name: Name, value: &T) {
        self.present_as::<Plain, T>(name, value);
    }

    /// Writes a field as `C` spells it, also if it has its default.
    #[inline]
    pub fn present_as<C: Codec<T>, T>(&mut self, name: Name, value: &T) {
        self.raw(match self.names {
            Names::Classic => name.classic,
            Names::Proto3 => name.proto3,
        });
        C::write(value, self);
    }

    /// Writes a message.
    #[inline]
    pub fn message<M: JsonMessage>(&mut self, message: &M) {
        let start = self.begin();
        message.write_fields(self);
        self.end_object(start);
    }

    /// The messages that a `google.protobuf.Any` may hold.
    pub(super) fn types(&self) -> AnyTypes {
        self.types
    }

    /// Remembers that something could not be written; the first one is reported.
    #[cold]
    pub(super) fn refuse(&mut self, problem: String) {
        self.error.get_or_insert_with(|| Error::unwritable(problem));
    }
}
