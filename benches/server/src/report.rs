//! Tables for people, JSON for programs, plots for docs.

use std::{fmt::Write as _, path::Path};

use plotters::prelude::*;
use serde::Serialize;

use crate::load::modes::Round;

/// One line of a comparison.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub figures: Vec<Figure>,
}

/// What one side achieved.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub side: String,
    /// The median of the rounds, and the least and greatest.
    pub value: f64,
    pub range: Option<(f64, f64)>,
    /// Microseconds: the median and the 99th percentile of the latency.
    pub latency: Option<(f64, f64)>,
    /// How busy the server's processor was, and the clients': where neither is, somebody waits for nothing.
    pub busy: Option<(f64, f64)>,
}

impl Figure {
    pub fn of_value(side: String, value: f64) -> Self {
        Self { side, value, range: None, latency: None, busy: None }
    }

    pub fn of_rounds(side: String, rounds: &[Round]) -> Self {
        let rates: Vec<f64> = rounds.iter().map(Round::per_cpu_second).collect();
        let percentile = |percentile: f64| {
            let values = rounds
                .iter()
                .filter_map(|round| Some(round.latency.as_ref()?.value_at_quantile(percentile) as f64 / 1000.0));
            median(values.collect())
        };
        let latency = rounds.first().and_then(|round| round.latency.as_ref());
        let busy = |time: fn(&Round) -> std::time::Duration| {
            let share = |round: &Round| time(round).as_secs_f64() / round.wall.as_secs_f64();
            median(rounds.iter().map(share).collect())
        };
        Self {
            side,
            value: median(rates.clone()),
            range: Some((rates.iter().copied().fold(f64::MAX, f64::min), rates.iter().copied().fold(0.0, f64::max))),
            latency: latency.map(|_| (percentile(0.5), percentile(0.99))),
            busy: Some((busy(|round| round.server), busy(|round| round.clients))),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A number with thousands set apart.
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints a table; ratios are to the first side of socketioxide.
pub fn print(row: &Row) {
    let base = row.figures.iter().find(|figure| figure.side == "socketioxide").map(|figure| figure.value);
    println!("\n### {} ({})\n", row.name, row.unit);
    println!(
        "| | median | least to greatest | to socketioxide | latency, median and p99 (µs) | busy: server, clients |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for figure in &row.figures {
        let mut line = format!("| {} | {} |", figure.side, number(figure.value));
        let range = figure.range.map(|(least, greatest)| format!("{} to {}", number(least), number(greatest)));
        let ratio = base.map(|base| format!("{:.2}", figure.value / base));
        let latency = figure.latency.map(|(median, p99)| format!("{median:.0}, {p99:.0}"));
        let busy = figure.busy.map(|(server, clients)| format!("{:.0} %, {:.0} %", server * 100.0, clients * 100.0));
        for cell in [range, ratio, latency, busy] {
            let _ = write!(line, " {} |", cell.unwrap_or_default());
        }
        println!("{line}");
    }
}

/// Writes the figures, and a plot for each row.
pub fn write(folder: &Path, rows: &[Row]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("figures.json"), serde_json::to_string_pretty(rows)?)?;
    for row in rows {
        let name: String =
            row.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        plot(&folder.join(format!("{name}.svg")), row)?;
    }
    Ok(())
}

/// Horizontal bars, one a side.
fn plot(path: &Path, row: &Row) -> anyhow::Result<()> {
    const LINE: i32 = 30;
    const NAMES: i32 = 210;
    const BARS: i32 = 460;
    let height = 50 + LINE * i32::try_from(row.figures.len())?;
    let area = SVGBackend::new(path, (800, height.cast_unsigned())).into_drawing_area();
    area.fill(&WHITE)?;
    let font = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
    area.draw(&Text::new(format!("{} ({})", row.name, row.unit), (10, 10), font(16)))?;
    let greatest = row.figures.iter().map(|figure| figure.value).fold(f64::MIN_POSITIVE, f64::max);
    for (place, figure) in row.figures.iter().enumerate() {
        let top = 42 + LINE * i32::try_from(place)?;
        let width = (figure.value / greatest * f64::from(BARS)) as i32;
        let colour = if figure.side.starts_with("psd") { RGBColor(28, 100, 180) } else { RGBColor(150, 150, 150) };
        area.draw(&Text::new(figure.side.clone(), (10, top + 4), font(14)))?;
        area.draw(&Rectangle::new([(NAMES, top), (NAMES + width, top + LINE - 8)], colour.filled()))?;
        area.draw(&Text::new(number(figure.value), (NAMES + width + 8, top + 4), font(14)))?;
    }
    area.present()?;
    Ok(())
}
