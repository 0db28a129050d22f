//! Numbers as proto3 JSON takes them: integers as numbers or strings, integral decimals for integers, floats with
//! names for what JSON cannot say.

use std::borrow::Cow;

use super::{Error, Reader, Result};

impl<'a> Reader<'a> {
    /// Reads a 32-bit integer, given as a number or in a string.
    ///
    /// # Errors
    /// If the next value is not integral or out of range.
    #[inline]
    pub fn i32(&mut self) -> Result<i32> {
        self.integer("an integer of 32 bits")
    }

    /// Reads a 64-bit integer, given as a number or in a string.
    ///
    /// # Errors
    /// If the next value is not integral or out of range.
    #[inline]
    pub fn i64(&mut self) -> Result<i64> {
        self.integer("an integer of 64 bits")
    }

    /// Reads an unsigned 32-bit integer, given as a number or in a string.
    ///
    /// # Errors
    /// If the next value is not integral or out of range.
    #[inline]
    pub fn u32(&mut self) -> Result<u32> {
        self.integer("a non-negative integer of 32 bits")
    }

    /// Reads an unsigned 64-bit integer, given as a number or in a string.
    ///
    /// # Errors
    /// If the next value is not integral or out of range.
    #[inline]
    pub fn u64(&mut self) -> Result<u64> {
        self.integer("a non-negative integer of 64 bits")
    }

    /// Reads a float, given as a number or in a string, `NaN` and `Infinity` included.
    ///
    /// # Errors
    /// If the next value is no number or too large for 32 bits.
    #[inline]
    pub fn f32(&mut self) -> Result<f32> {
        self.float()
    }

    /// Reads a float, given as a number or in a string, `NaN` and `Infinity` included.
    ///
    /// # Errors
    /// If the next value is no number or too large for 64 bits.
    #[inline]
    pub fn f64(&mut self) -> Result<f64> {
        self.float()
    }

    #[inline]
    fn integer<T: Integer>(&mut self, what: &'static str) -> Result<T> {
        let byte = self.next_byte();
        let quoted = byte == Some(b'"');
        let bytes = self.text.as_bytes();
        if let Some((negative, magnitude, end)) = digits(bytes, self.at + usize::from(quoted)) {
            // What follows decides whether these digits are the whole number.
            let ends = match bytes.get(end) {
                Some(b'"') => quoted,
                Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') | None => !quoted,
                Some(_) => false,
            };
            if ends && let Some(value) = T::from_parts(negative, magnitude) {
                self.at = end + usize::from(quoted);
                return Ok(value);
            }
        }
        self.uncommon_integer(what)
    }

    /// `1e3`, `12.0`, twenty digits, escapes in the string; and everything that is wrong.
    #[cold]
    fn uncommon_integer<T: Integer>(&mut self, what: &'static str) -> Result<T> {
        let start = self.at;
        let literal = self.number_text()?;
        let value = match exact(&literal) {
            Exact::Integer { negative, magnitude } => T::from_parts(negative, magnitude),
            Exact::TooLarge => None,
            Exact::Fraction => return Err(Error::expected(self.text, start, "an integer")),
            Exact::NoNumber => return Err(Error::expected(self.text, start, "a number")),
        };
        value.ok_or_else(|| Error::expected(self.text, start, what))
    }

    #[inline]
    fn float<T: Float>(&mut self) -> Result<T> {
        if matches!(self.next_byte(), Some(b'-' | b'0'..=b'9')) {
            let start = self.at;
            let number = self.number()?;
            let value = T::from_number(&number);
            if value.is_infinite() {
                return Err(Error::expected(self.text, start, T::RANGE));
            }
            return Ok(value);
        }
        self.named_float()
    }

    #[cold]
    fn named_float<T: Float>(&mut self) -> Result<T> {
        let start = self.at;
        let literal = self.number_text()?;
        match &*literal {
            "NaN" => return Ok(T::NAN),
            "Infinity" => return Ok(T::INFINITY),
            "-Infinity" => return Ok(T::NEGATIVE_INFINITY),
            _ => {}
        }
        let Some(number) = Number::scan(literal.as_bytes(), 0).filter(|number| number.end == literal.len()) else {
            return Err(Error::expected(self.text, start, "a number"));
        };
        let value = T::from_number(&number);
        if value.is_infinite() { Err(Error::expected(self.text, start, T::RANGE)) } else { Ok(value) }
    }

    /// The text of a number, or the content of a string.
    fn number_text(&mut self) -> Result<Cow<'a, str>> {
        match self.next_byte() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.number()?;
                Ok(Cow::Borrowed(&self.text[start..self.at]))
            }
            _ => Err(self.expected("a number")),
        }
    }

    /// Consumes a number.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Number<'a>> {
        let bytes = self.text.as_bytes();
        match Number::scan(bytes, self.at) {
            // `01`, `1a`, `1.2.3`: refused here, where the whole of it can be shown.
            Some(number) if !bytes.get(number.end).is_some_and(|&byte| belongs(byte)) => {
                self.at = number.end;
                Ok(number)
            }
            _ => Err(self.expected("a number")),
        }
    }
}

const fn belongs(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_')
}

/// An optional sign and digits without a leading zero that fit into a `u64`.
#[inline]
fn digits(bytes: &[u8], start: usize) -> Option<(bool, u64, usize)> {
    let negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let mut at = first;
    let mut magnitude = 0_u64;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        // Nineteen digits fit without a check.
        if at - first >= 19 {
            magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(digit))?;
        } else {
            magnitude = magnitude * 10 + u64::from(digit);
        }
        at += 1;
    }
    let leading_zero = at > first + 1 && bytes.get(first) == Some(&b'0');
    (at > first && !leading_zero).then_some((negative, magnitude, at))
}

/// A number as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<'a> {
    text: &'a [u8],
    end: usize,
    negative: bool,
    /// The first nineteen significant digits.
    mantissa: u64,
    /// The power of ten that the mantissa is multiplied by.
    exponent: i32,
    /// Whether the mantissa has all digits.
    whole: bool,
}

impl<'a> Number<'a> {
    /// Reads `-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?` at `start`.
    #[inline]
    fn scan(bytes: &'a [u8], start: usize) -> Option<Self> {
        let mut at = start;
        let negative = bytes.get(at) == Some(&b'-');
        at += usize::from(negative);
        let (mut mantissa, mut exponent, mut taken, mut whole) = (0_u64, 0_i32, 0_u32, true);
        let digit_at = |at: usize| bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10);
        let first = at;
        while let Some(digit) = digit_at(at) {
            if taken < 19 {
                mantissa = mantissa * 10 + u64::from(digit);
                taken += u32::from(mantissa != 0);
            } else {
                whole &= digit == 0;
                exponent = exponent.saturating_add(1);
            }
            at += 1;
        }
        if at == first || (at > first + 1 && bytes[first] == b'0') {
            return None;
        }
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            let fraction = at;
            while let Some(digit) = digit_at(at) {
                if taken < 19 {
                    mantissa = mantissa * 10 + u64::from(digit);
                    taken += u32::from(mantissa != 0);
                    exponent = exponent.saturating_sub(1);
                } else {
                    whole &= digit == 0;
                }
                at += 1;
            }
            if at == fraction {
                return None;
            }
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            let sign = bytes.get(at).copied();
            at += usize::from(matches!(sign, Some(b'+' | b'-')));
            let (digits, mut power) = (at, 0_i32);
            while let Some(digit) = digit_at(at) {
                power = power.saturating_mul(10).saturating_add(i32::from(digit));
                at += 1;
            }
            if at == digits {
                return None;
            }
            exponent = exponent.saturating_add(if sign == Some(b'-') { -power } else { power });
        }
        Some(Self { text: &bytes[start..at], end: at, negative, mantissa, exponent, whole })
    }
}

enum Exact {
    Integer { negative: bool, magnitude: u64 },
    TooLarge,
    Fraction,
    NoNumber,
}

/// The exact value of a decimal literal, never by way of a float.
fn exact(literal: &str) -> Exact {
    let Some(number) = Number::scan(literal.as_bytes(), 0).filter(|number| number.end == literal.len()) else {
        return Exact::NoNumber;
    };
    let (mut magnitude, mut exponent) = (u128::from(number.mantissa), number.exponent);
    if !number.whole {
        // More than nineteen digits count: only an integer literal of twenty can still fit.
        return match literal.trim_start_matches('-').parse::<u64>() {
            Ok(magnitude) => Exact::Integer { negative: number.negative, magnitude },
            Err(_) if literal.contains('.') || exponent < 0 => long(literal, number.negative),
            Err(_) => Exact::TooLarge,
        };
    }
    if magnitude == 0 {
        return Exact::Integer { negative: number.negative, magnitude: 0 };
    }
    while exponent < 0 {
        if !magnitude.is_multiple_of(10) {
            return Exact::Fraction;
        }
        magnitude /= 10;
        exponent += 1;
    }
    while exponent > 0 && magnitude <= u128::from(u64::MAX) {
        magnitude *= 10;
        exponent -= 1;
    }
    match u64::try_from(magnitude) {
        Ok(magnitude) => Exact::Integer { negative: number.negative, magnitude },
        Err(_) => Exact::TooLarge,
    }
}

/// A decimal with more than nineteen digits that count: `18446744073709551615.0`, or a fraction.
fn long(literal: &str, negative: bool) -> Exact {
    let literal = literal.trim_start_matches('-');
    let (integral, fraction) = literal.split_once('.').unwrap_or((literal, ""));
    if fraction.contains(['e', 'E']) || integral.contains(['e', 'E']) {
        // Twenty digits and an exponent as well: no client writes an integer like this.
        return Exact::TooLarge;
    }
    if fraction.bytes().any(|digit| digit != b'0') {
        return Exact::Fraction;
    }
    match integral.parse() {
        Ok(magnitude) => Exact::Integer { negative, magnitude },
        Err(_) => Exact::TooLarge,
    }
}

trait Integer: Sized {
    fn from_parts(negative: bool, magnitude: u64) -> Option<Self>;
}

impl Integer for i32 {
    #[inline]
    fn from_parts(negative: bool, magnitude: u64) -> Option<Self> {
        i64::from_parts(negative, magnitude)?.try_into().ok()
    }
}

impl Integer for i64 {
    #[inline]
    fn from_parts(negative: bool, magnitude: u64) -> Option<Self> {
        if negative { 0_i64.checked_sub_unsigned(magnitude) } else { magnitude.try_into().ok() }
    }
}

impl Integer for u32 {
    #[inline]
    fn from_parts(negative: bool, magnitude: u64) -> Option<Self> {
        u64::from_parts(negative, magnitude)?.try_into().ok()
    }
}

impl Integer for u64 {
    #[inline]
    fn from_parts(negative: bool, magnitude: u64) -> Option<Self> {
        // `-0` is zero.
        (!negative || magnitude == 0).then_some(magnitude)
    }
}

trait Float: Copy + 'static {
    const NAN: Self;
    const INFINITY: Self;
    const NEGATIVE_INFINITY: Self;
    const RANGE: &'static str;
    fn from_number(number: &Number<'_>) -> Self;
    fn is_infinite(self) -> bool;
}

macro_rules! float {
    ($type:ident, $range:literal, $mantissa:literal, [$($power:literal)*]) => {
        impl Float for $type {
            const NAN: Self = $type::NAN;
            const INFINITY: Self = $type::INFINITY;
            const NEGATIVE_INFINITY: Self = $type::NEG_INFINITY;
            const RANGE: &'static str = $range;

            /// Where mantissa and power of ten are both exact, one operation rounds correctly; that is nearly every
            /// number a client writes. The standard library does the others.
            #[inline]
            fn from_number(number: &Number<'_>) -> Self {
                const POWERS: &[$type] = &[$($power),*];
                let power = POWERS.get(number.exponent.unsigned_abs() as usize);
                if let Some(power) = power && number.whole && number.mantissa <= 1 << $mantissa {
                    let mantissa = number.mantissa as $type;
                    let value = if number.exponent < 0 { mantissa / power } else { mantissa * power };
                    return if number.negative { -value } else { value };
                }
                std::str::from_utf8(number.text).ok().and_then(|text| text.parse().ok()).unwrap_or($type::NAN)
            }

            #[inline]
            fn is_infinite(self) -> bool {
                self.is_infinite()
            }
        }
    };
}

float!(f32, "a number within the range of a float", 24, [1e0 1e1 1e2 1e3 1e4 1e5 1e6 1e7 1e8 1e9 1e10]);
float!(
    f64,
    "a number within the range of a double",
    53,
    [1e0 1e1 1e2 1e3 1e4 1e5 1e6 1e7 1e8 1e9 1e10 1e11 1e12 1e13 1e14 1e15 1e16 1e17 1e18 1e19 1e20 1e21 1e22]
);

/// Reads the whole of `text` as an integer, for the keys of maps.
pub(super) fn integer_key<T: TryFrom<i128>>(text: &str) -> Option<T> {
    match exact(text) {
        Exact::Integer { negative, magnitude } => {
            let magnitude = i128::from(magnitude);
            T::try_from(if negative { -magnitude } else { magnitude }).ok()
        }
        _ => None,
    }
}
