//! The pull parser: one pass over the text, no intermediate values.

use std::borrow::Cow;

use super::{AnyTypes, Error, ReadOptions, Result, scan, text};

/// What the next value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// The text ends here.
    End,
    /// Nothing that a value begins with.
    Invalid,
}

/// Reads JSON text value by value.
///
/// Objects and arrays are read in loops; each step leaves the reader before the next value:
///
/// ```
/// use psd_proto::json::{ReadOptions, Reader};
///
/// let mut reader = Reader::new(r#"{"name": "pen", "prices": [1, "2"]}"#, &ReadOptions::default());
/// let (mut name, mut prices) = (None, Vec::new());
/// reader.begin_object()?;
/// while let Some(key) = reader.next_key()? {
///     match &*key {
///         "name" => name = Some(reader.string()?),
///         "prices" => {
///             reader.begin_array()?;
///             while reader.next_element()? {
///                 prices.push(reader.i32()?);
///             }
///         }
///         _ => drop(reader.skip()?),
///     }
/// }
/// reader.finish()?;
/// assert_eq!((name.as_deref(), prices), (Some("pen"), vec![1, 2]));
/// # Ok::<(), psd_proto::json::Error>(())
/// ```
///
/// After an error the reader stands at the culprit and is of no further use.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    pub(super) text: &'a str,
    /// The offset of the next byte; always on a character boundary between values.
    pub(super) at: usize,
    /// How many more objects and arrays may be opened.
    depth: u32,
    /// Whether an object or array was opened and nothing read from it yet. One flag serves all levels: opening
    /// sets it, everything else clears it.
    fresh: bool,
    options: ReadOptions,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`.
    #[must_use]
    pub fn new(text: &'a str, options: &ReadOptions) -> Self {
        Self { text, at: 0, depth: options.depth, fresh: false, options: *options }
    }

    /// Whether unknown fields and enum names are skipped.
    #[must_use]
    pub fn ignores_unknown(&self) -> bool {
        self.options.ignore_unknown
    }

    /// Whether well-known types may come as objects.
    pub(super) fn objects_for_well_known(&self) -> bool {
        self.options.objects_for_well_known
    }

    /// The messages that a `google.protobuf.Any` may hold.
    pub(super) fn types(&self) -> AnyTypes {
        self.options.types
    }

    /// The offset of the next byte in the text.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// What the next value is; consumes white space only.
    pub fn peek(&mut self) -> Kind {
        match self.next_byte() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            Some(_) => Kind::Invalid,
            None => Kind::End,
        }
    }

    /// Enters an object.
    ///
    /// # Errors
    /// If the next value is no object, or nests too deep.
    #[inline]
    pub fn begin_object(&mut self) -> Result<()> {
        if self.next_byte() != Some(b'{') {
            return Err(self.expected("an object"));
        }
        self.descend()
    }

    /// Reads the next key of the object and the colon; `None` leaves the object.
    ///
    /// # Errors
    /// If the text is no JSON object from here on.
    #[inline]
    pub fn next_key(&mut self) -> Result<Option<Cow<'a, str>>> {
        // Text without white space, as programs write it: `"name":` or `,"name":`.
        let bytes = self.text.as_bytes();
        let quote = if self.fresh { self.at } else { self.at + 1 };
        if bytes.get(quote) == Some(&b'"') && (self.fresh || bytes.get(self.at) == Some(&b',')) {
            let end = scan::plain_end(bytes, quote + 1);
            if bytes.get(end) == Some(&b'"') && bytes.get(end + 1) == Some(&b':') {
                self.fresh = false;
                self.at = end + 2;
                return Ok(Some(Cow::Borrowed(&self.text[quote + 1..end])));
            }
        }
        self.next_spaced_key()
    }

    fn next_spaced_key(&mut self) -> Result<Option<Cow<'a, str>>> {
        let mut byte = self.next_byte();
        if byte == Some(b'}') {
            self.ascend();
            return Ok(None);
        }
        if self.fresh {
            self.fresh = false;
        } else {
            if byte != Some(b',') {
                return Err(self.expected("`,` or `}`"));
            }
            self.at += 1;
            byte = self.next_byte();
        }
        if byte != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        let key = self.quoted()?;
        if self.next_byte() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Enters an array.
    ///
    /// # Errors
    /// If the next value is no array, or nests too deep.
    #[inline]
    pub fn begin_array(&mut self) -> Result<()> {
        if self.next_byte() != Some(b'[') {
            return Err(self.expected("an array"));
        }
        self.descend()
    }

    /// Goes to the next element of the array; `false` leaves the array.
    ///
    /// # Errors
    /// If the text is no JSON array from here on.
    #[inline]
    pub fn next_element(&mut self) -> Result<bool> {
        let byte = self.next_byte();
        if byte == Some(b']') {
            self.ascend();
            return Ok(false);
        }
        if self.fresh {
            self.fresh = false;
            return Ok(true);
        }
        if byte != Some(b',') {
            return Err(self.expected("`,` or `]`"));
        }
        self.at += 1;
        // A value must follow: without this, `[1,]` would end as an empty element's error far from the comma.
        if self.next_byte() == Some(b']') {
            return Err(self.expected("a value"));
        }
        Ok(true)
    }

    /// Consumes `null` if it is next.
    ///
    /// # Errors
    /// If the next value begins like `null` but is not.
    #[inline]
    pub fn null(&mut self) -> Result<bool> {
        if self.next_byte() != Some(b'n') {
            return Ok(false);
        }
        if self.literal("null") { Ok(true) } else { Err(self.expected("a value")) }
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// If the next value is neither.
    #[inline]
    pub fn bool(&mut self) -> Result<bool> {
        match self.next_byte() {
            Some(b't') if self.literal("true") => Ok(true),
            Some(b'f') if self.literal("false") => Ok(false),
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    /// Reads a string; borrowed from the text unless it has escapes.
    ///
    /// # Errors
    /// If the next value is no string, or a malformed one (a lone surrogate, a control character).
    #[inline]
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        if self.next_byte() != Some(b'"') {
            return Err(self.expected("a string"));
        }
        self.quoted()
    }

    /// Passes over one value, which must be well-formed, and returns its text.
    ///
    /// # Errors
    /// If the next value is malformed or nests too deep.
    pub fn skip(&mut self) -> Result<&'a str> {
        let byte = self.next_byte();
        let start = self.at;
        match byte {
            Some(b'"') => self.skip_quoted()?,
            Some(b'{') => {
                self.descend()?;
                while self.skip_key()? {
                    self.skip()?;
                }
            }
            Some(b'[') => {
                self.descend()?;
                while self.next_element()? {
                    self.skip()?;
                }
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
            }
            Some(b't') if self.literal("true") => {}
            Some(b'f') if self.literal("false") => {}
            Some(b'n') if self.literal("null") => {}
            _ => return Err(self.expected("a value")),
        }
        Ok(&self.text[start..self.at])
    }

    /// Checks that only white space is left.
    ///
    /// # Errors
    /// If anything else is.
    pub fn finish(&mut self) -> Result<()> {
        match self.next_byte() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the text")),
        }
    }

    /// An error of the caller's own about the next value: `expected {what}, found …`.
    #[cold]
    #[must_use]
    pub fn expected(&self, what: &str) -> Error {
        Error::expected(self.text, self.at, what)
    }

    /// An error of the caller's own about the next value.
    #[cold]
    #[must_use]
    pub fn problem(&self, problem: impl Into<Cow<'static, str>>) -> Error {
        Error::at(self.text, self.at, problem)
    }

    /// The next byte that is not white space, left in place; `None` at the end.
    #[inline]
    pub(super) fn next_byte(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// Consumes a literal if it is next, as a whole word.
    #[inline]
    fn literal(&mut self, literal: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(literal.as_bytes()) {
            return false;
        }
        // `nullx` and `true1` are left for the error to show as a whole.
        if rest.get(literal.len()).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return false;
        }
        self.at += literal.len();
        true
    }

    /// Reads the string whose opening quote is next.
    #[inline]
    fn quoted(&mut self) -> Result<Cow<'a, str>> {
        let start = self.at + 1;
        let end = scan::plain_end(self.text.as_bytes(), start);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        let (value, end) = text::unescape(self.text, start, end).map_err(|problem| self.problem(problem))?;
        self.at = end;
        Ok(Cow::Owned(value))
    }

    /// Passes over the string whose opening quote is next.
    #[inline]
    fn skip_quoted(&mut self) -> Result<()> {
        let start = self.at + 1;
        let end = scan::plain_end(self.text.as_bytes(), start);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(());
        }
        // Escapes are rare in what is skipped; decoding them is the check.
        self.quoted().map(drop)
    }

    /// `next_key` without the key.
    #[inline]
    fn skip_key(&mut self) -> Result<bool> {
        Ok(self.next_key()?.is_some())
    }

    #[inline]
    fn descend(&mut self) -> Result<()> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(self.problem(format!("nests deeper than the limit of {}", self.options.depth)));
        };
        self.depth = depth;
        self.at += 1;
        self.fresh = true;
        Ok(())
    }

    #[inline]
    fn ascend(&mut self) {
        // Saturating only because a caller may read keys of an object that was never begun.
        self.depth = self.depth.saturating_add(1);
        self.at += 1;
        self.fresh = false;
    }
}
