//! What limits the calls of a handler.

use syn::LitStr;

use super::args::Args;
use super::model::Mode;
use crate::errors::Errors;

/// In milliseconds; no timer of the runtime is longer.
const YEAR: u64 = 365 * 24 * 60 * 60 * 1000;

/// Limits that were read; those with mistakes are left out.
#[derive(Default)]
pub(crate) struct Limits {
    /// In milliseconds; 0 is without end.
    pub(crate) timeout: Option<u64>,
    /// How many, and the constructor of `Rate` that takes the number.
    pub(crate) rate: Option<(u32, &'static str)>,
    pub(crate) max_bytes: Option<usize>,
}

impl Limits {
    pub(crate) fn new(args: &Args, mode: Mode, errors: &mut Errors) -> Self {
        let mut limits = Self::default();
        if let Some(text) = &args.timeout {
            limits.timeout =
                read(text, milliseconds, "a time up to a year: write `500ms`, `5s`, `2m`, or `off` for none", errors);
            if mode == Mode::InPlace {
                errors.at(
                    text,
                    "`timeout` is for a handler that is waited for, and a plain `fn` runs in place: add `async` or \
                     `blocking`, or remove `timeout`",
                );
            }
        }
        if let Some(text) = &args.rate {
            limits.rate = read(text, rate, "a rate: write `10/s`, `600/m` or `5000/h`", errors);
        }
        if let Some(number) = &args.max_bytes {
            limits.max_bytes = number.base10_parse().ok().filter(|bytes| *bytes > 0);
            if limits.max_bytes.is_none() {
                errors.at(number, format!("`{number}` is no number of bytes above 0"));
            }
        }
        limits
    }
}

fn read<T>(text: &LitStr, parse: fn(&str) -> Option<T>, expected: &str, errors: &mut Errors) -> Option<T> {
    let value = parse(&text.value());
    if value.is_none() {
        errors.at(text, format!("`{}` is not {expected}", text.value()));
    }
    value
}

fn milliseconds(text: &str) -> Option<u64> {
    if text == "off" {
        return Some(0);
    }
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
    let milliseconds = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(milliseconds).filter(|time| (1..=YEAR).contains(time))
}

fn rate(text: &str) -> Option<(u32, &'static str)> {
    let (count, unit) = text.split_once('/')?;
    let per = match unit.trim() {
        "s" => "per_second",
        "m" => "per_minute",
        "h" => "per_hour",
        _ => return None,
    };
    Some((count.trim().parse().ok().filter(|count| *count > 0)?, per))
}
