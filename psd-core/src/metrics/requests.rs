//! Requests by type: how they ended and how long they took.

use std::time::Duration;

use super::{
    count::{Counts, Label},
    histogram::Histogram,
};
use crate::{Outcome, hash::Names};

/// In seconds.
pub(super) const DURATIONS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// One entry for each type that the endpoint knows, and one for all others.
#[derive(Debug)]
pub(crate) struct Requests {
    known: Names<OfType>,
    unknown: OfType,
    /// What the others are called: `unknown`, unless a handler's messages are.
    unknown_name: String,
}

#[derive(Debug)]
pub(super) struct OfType {
    pub(super) codes: Counts<Code>,
    pub(super) durations: Histogram<{ DURATIONS.len() }>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(usize);

/// Codes of errors that are counted apart; they stand at these places, behind `ok`.
const CODES: [i32; 11] = [400, 401, 403, 404, 408, 413, 422, 429, 499, 500, 503];

impl Label for Code {
    const NAMES: &'static [&'static str] =
        &["ok", "400", "401", "403", "404", "408", "413", "422", "429", "499", "500", "503", "other", "gone"];

    fn index(self) -> usize {
        self.0
    }
}

impl Code {
    fn of(outcome: &Outcome<'_>) -> Self {
        let (other, gone) = (CODES.len() + 1, CODES.len() + 2);
        Self(match outcome {
            Outcome::Done => 0,
            Outcome::Failed(error) => {
                let place = CODES.iter().position(|code| Some(*code) == error.code());
                place.map_or(other, |place| place + 1)
            }
            Outcome::Gone => gone,
        })
    }
}

impl OfType {
    fn new() -> Self {
        Self { codes: Counts::new(), durations: Histogram::new(&DURATIONS) }
    }
}

impl Requests {
    pub(super) fn new(message_types: impl Iterator<Item = &'static str>) -> Self {
        let known: Names<_> = message_types.map(|name| (name, OfType::new())).collect();
        let mut unknown_name = "unknown".to_owned();
        while known.contains_key(&*unknown_name) {
            unknown_name.insert(0, '_');
        }
        Self { known, unknown: OfType::new(), unknown_name }
    }

    pub(crate) fn ended(&self, message_type: &str, outcome: &Outcome<'_>, after: Duration) {
        let of_type = self.known.get(message_type).unwrap_or(&self.unknown);
        of_type.codes.add(Code::of(outcome));
        of_type.durations.observe(after.as_secs_f64(), u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    }

    /// By type, in order; those of no known type last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &OfType)> {
        let mut known: Vec<_> = self.known.iter().map(|(name, of_type)| (*name, of_type)).collect();
        known.sort_by_key(|(name, _)| *name);
        known.into_iter().chain([(&*self.unknown_name, &self.unknown)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn each_type_has_one_series() {
        let names = |types: &[&'static str]| -> Vec<String> {
            Requests::new(types.iter().copied()).iter().map(|(name, _)| name.to_owned()).collect()
        };
        assert_eq!(names(&["b", "a"]), ["a", "b", "unknown"]);
        assert_eq!(names(&["unknown", "_unknown"]), ["_unknown", "unknown", "__unknown"]);
    }

    #[test]
    fn codes_stand_at_their_names() {
        let name = |outcome: &Outcome<'_>| Code::NAMES[Code::of(outcome).index()];
        for code in CODES {
            assert_eq!(name(&Outcome::Failed(&Error::new(code, ""))), code.to_string());
        }
        assert_eq!(name(&Outcome::Done), "ok");
        assert_eq!(name(&Outcome::Failed(&Error::new(7, ""))), "other");
        assert_eq!(name(&Outcome::Failed(&Error::text("no code"))), "other");
        assert_eq!(name(&Outcome::Gone), "gone");
    }
}
