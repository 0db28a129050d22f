//! `google.protobuf.Duration`: decimal seconds with an `s`.

use prost_types::Duration;

use crate::json::{Error, JsonValue, Reader, Result, Writer};

/// Ten thousand years, about.
const LIMIT: i64 = 315_576_000_000;

impl JsonValue for Duration {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let is_object = reader.next_byte() == Some(b'{');
        let start = reader.at;
        if reader.objects_for_well_known() && is_object {
            (self.seconds, self.nanos) = read_object(reader)?;
            if !is_valid(self) {
                return Err(Error::at(reader.text, start, problem(self)));
            }
            return Ok(());
        }
        let text = reader.string()?;
        *self = parse(text.as_bytes()).ok_or_else(|| {
            let expected = "a duration such as \"90.5s\" of at most 315576000000s";
            Error::expected(reader.text, start, expected)
        })?;
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        if !is_valid(self) {
            return writer.refuse(problem(self));
        }
        let &Self { seconds, nanos } = self;
        writer.raw(if seconds < 0 || nanos < 0 { "\"-" } else { "\"" });
        writer.raw(itoa::Buffer::new().format(seconds.unsigned_abs()));
        write_fraction(nanos.unsigned_abs(), writer);
        writer.raw("s\"");
    }

    fn is_default(&self) -> bool {
        false
    }
}

fn is_valid(&Duration { seconds, nanos }: &Duration) -> bool {
    let signs_agree = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
    seconds.unsigned_abs() <= LIMIT.unsigned_abs() && nanos.unsigned_abs() <= 999_999_999 && signs_agree
}

/// What is wrong with a duration that is not valid.
fn problem(Duration { seconds, nanos }: &Duration) -> String {
    format!("{seconds} s and {nanos} ns are no duration of at most {LIMIT} s")
}

/// `-?digits[.fraction]s`.
fn parse(text: &[u8]) -> Option<Duration> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let length = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at(length);
    let seconds: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (nanos, rest) = fraction(rest)?;
    if rest != b"s" || seconds > LIMIT {
        return None;
    }
    Some(if negative { Duration { seconds: -seconds, nanos: -nanos } } else { Duration { seconds, nanos } })
}

/// Reads `.` and one to nine digits as nanoseconds; no `.` is zero.
pub(super) fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let [b'.', rest @ ..] = text else { return Some((0, text)) };
    let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if !(1..=9).contains(&length) {
        return None;
    }
    let (digits, rest) = rest.split_at(length);
    let value = digits.iter().fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    Some((value * 10_i32.pow(9 - length as u32), rest))
}

/// Writes nanoseconds as no, three, six or nine decimals.
pub(super) fn write_fraction(nanos: u32, writer: &mut Writer<'_>) {
    if nanos == 0 {
        return;
    }
    let (value, length) = match nanos {
        _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
        _ if nanos.is_multiple_of(1_000) => (nanos / 1_000, 6),
        _ => (nanos, 9),
    };
    let mut text = *b".000000000";
    let mut rest = value;
    for digit in text[1..=length].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    writer.out.extend_from_slice(&text[..=length]);
}

/// `{"seconds": …, "nanos": …}`, as classic clients write timestamps and durations.
pub(super) fn read_object(reader: &mut Reader<'_>) -> Result<(i64, i32)> {
    let (mut seconds, mut nanos) = (0, 0);
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "seconds" if !reader.null()? => seconds = reader.i64()?,
            "nanos" if !reader.null()? => nanos = reader.i32()?,
            "seconds" | "nanos" => {}
            _ => crate::json::message::unknown(&key, reader)?,
        }
    }
    Ok((seconds, nanos))
}
