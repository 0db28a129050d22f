//! `google.protobuf.Timestamp`: RFC 3339 in UTC, with as many groups of three decimals as it takes.

use prost_types::Timestamp;

use super::date;
use super::duration::{fraction, write_fraction};
use crate::json::{Error, JsonValue, Reader, Result, Writer};

/// 0001-01-01T00:00:00Z.
const FIRST: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;

impl JsonValue for Timestamp {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let is_object = reader.next_byte() == Some(b'{');
        let start = reader.at;
        if reader.objects_for_well_known() && is_object {
            (self.seconds, self.nanos) = super::duration::read_object(reader)?;
            if !is_valid(self) {
                return Err(Error::at(reader.text, start, problem(self)));
            }
            return Ok(());
        }
        let text = reader.string()?;
        *self = parse(text.as_bytes()).ok_or_else(|| {
            let expected = "a time such as \"2024-02-29T12:30:45.5Z\" of the years 1 to 9999";
            Error::expected(reader.text, start, expected)
        })?;
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        if !is_valid(self) {
            return writer.refuse(problem(self));
        }
        let (year, month, day) = date::date(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        let mut text = *b"\"0000-00-00T00:00:00";
        let mut pair = |at: usize, value: i64| {
            text[at] = b'0' + (value / 10) as u8;
            text[at + 1] = b'0' + (value % 10) as u8;
        };
        pair(1, year / 100);
        pair(3, year % 100);
        pair(6, month);
        pair(9, day);
        pair(12, second / 3600);
        pair(15, second / 60 % 60);
        pair(18, second % 60);
        writer.out.extend_from_slice(&text);
        write_fraction(self.nanos.unsigned_abs(), writer);
        writer.raw("Z\"");
    }

    fn is_default(&self) -> bool {
        false
    }
}

fn is_valid(timestamp: &Timestamp) -> bool {
    (FIRST..=LAST).contains(&timestamp.seconds) && (0..1_000_000_000).contains(&timestamp.nanos)
}

/// What is wrong with a timestamp that is not valid.
fn problem(Timestamp { seconds, nanos }: &Timestamp) -> String {
    format!("a timestamp of {seconds} s and {nanos} ns is not of the years 1 to 9999")
}

/// `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
fn parse(text: &[u8]) -> Option<Timestamp> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, separator)| head[at] != separator) {
        return None;
    }
    let (year, month, day) = (pair(head, 0)? * 100 + pair(head, 2)?, pair(head, 5)?, pair(head, 8)?);
    let (hour, minute, second) = (pair(head, 11)?, pair(head, 14)?, pair(head, 17)?);
    let valid = year >= 1
        && (1..=12).contains(&month)
        && (1..=date::days_of_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !valid {
        return None;
    }
    let (nanos, rest) = fraction(rest)?;
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (pair(rest, 1)?, pair(rest, 4)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = date::days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    (FIRST..=LAST).contains(&seconds).then_some(Timestamp { seconds, nanos })
}

/// The number of two digits at `at`.
fn pair(text: &[u8], at: usize) -> Option<i64> {
    match *text.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0')),
        _ => None,
    }
}
