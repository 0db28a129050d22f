//! The text that Prometheus reads (exposition format 0.0.4).

use std::fmt::Write as _;

use super::{histogram::Histogram, table::Metric};

/// Writes the samples of one metric.
pub(super) struct Samples<'a> {
    text: &'a mut String,
    metric: &'static Metric,
}

impl<'a> Samples<'a> {
    pub(super) fn of(metric: &'static Metric, text: &'a mut String) -> Self {
        let Metric { name, kind, help, .. } = metric;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Self { text, metric }
    }

    /// One sample, its labels' values in the order of the table.
    pub(super) fn add(&mut self, values: &[&str], value: u64) {
        self.line("", values, None, value as f64);
    }

    /// `unit` is what one of the histogram's sum is in the unit of the metric.
    pub(super) fn histogram<const N: usize>(&mut self, values: &[&str], histogram: &Histogram<N>, unit: f64) {
        let (ranges, count, sum) = histogram.read();
        for (bound, below) in ranges {
            self.line("_bucket", values, Some(&bound.to_string()), below as f64);
        }
        self.line("_bucket", values, Some("+Inf"), count as f64);
        self.line("_sum", values, None, sum as f64 * unit);
        self.line("_count", values, None, count as f64);
    }

    fn line(&mut self, suffix: &str, values: &[&str], bound: Option<&str>, value: f64) {
        let _ = write!(self.text, "{}{suffix}", self.metric.name);
        let labels = self.metric.labels.iter().zip(values).map(|(name, value)| (*name, *value));
        for (index, (name, value)) in labels.chain(bound.map(|bound| ("le", bound))).enumerate() {
            let _ = write!(self.text, "{}{name}=\"", if index == 0 { '{' } else { ',' });
            // Types and paths are the application's own; any text may be among them.
            for character in value.chars() {
                match character {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    character => self.text.push(character),
                }
            }
            self.text.push('"');
        }
        let end = if bound.is_some() || !self.metric.labels.is_empty() { "}" } else { "" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}
