//! The JSON codec beside pbjson, buffa and plain serde, and the binary one beside prost and buffa: `cargo xtask bench codec`.
//!
//! Everybody reads and writes the same texts. Rounds of the competitors alternate, so that all of them meet the same
//! state of the machine; the figures are medians of 51 rounds. `fastest` as an argument prints minima instead, which
//! a busy machine disturbs less. Each competitor first proves that it writes what it read. At the end stand the medians over
//! the messages of what each takes for what we take, beside the bars that they must clear.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use buffa::Message as _;
use prost::Message as _;
use psd_proto::json::{self, ReadOptions, WriteOptions};
use serde_json::Value;

mod plain;

mod psd {
    include!(concat!(env!("OUT_DIR"), "/psd/messages.rs"));
}

mod pbjson {
    include!(concat!(env!("OUT_DIR"), "/pbjson/bench.rs"));
    include!(concat!(env!("OUT_DIR"), "/pbjson/bench.serde.rs"));
}

#[allow(warnings)]
mod buffa_messages {
    include!(concat!(env!("OUT_DIR"), "/buffa/mod.rs"));
}

const ROUNDS: usize = 51;
const ROUND: f64 = 4e6;

/// A name and what is measured.
type Case<'a> = (&'static str, Box<dyn FnMut() + 'a>);

fn main() {
    let fastest = std::env::args().any(|argument| argument == "fastest");
    let chosen = move |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[if fastest { 0 } else { times.len() / 2 }]
    };
    let mut ratios: Ratios = BTreeMap::new();
    macro_rules! report {
        ($title:expr, $cases:expr) => {
            for (name, ratio) in report($title, chosen, $cases) {
                ratios.entry(($title, name)).or_default().push(ratio);
            }
        };
    }

    macro_rules! compare {
        ($message:ident, $text:expr) => {{
            let text: &str = $text;
            let options = ReadOptions { ignore_unknown: true, ..ReadOptions::default() };
            let ours: psd::$message = json::read(text, &options).expect("we read it");
            let pbjson: pbjson::$message = serde_json::from_str(text).expect("pbjson reads it");
            let buffa: buffa_messages::bench::$message = serde_json::from_str(text).expect("buffa reads it");
            let plain: plain::$message = serde_json::from_str(text).expect("serde reads it");

            let mut out = Vec::new();
            json::write(&ours, &mut out, &WriteOptions::default()).expect("we write it");
            assert_eq!(out, text.as_bytes());
            let expected: Value = serde_json::from_str(text).expect("it is JSON");
            assert_eq!(serde_json::to_value(&pbjson).expect("pbjson writes it"), expected);
            assert_eq!(serde_json::to_value(&buffa).expect("buffa writes it"), expected);
            assert_eq!(serde_json::to_value(&plain).expect("serde writes it"), expected);

            println!("{}, {} bytes", stringify!($message), text.len());
            let read = || black_box(text);
            report!(
                "read JSON",
                vec![
                    ("psd", Box::new(|| drop(black_box(json::read::<psd::$message>(read(), &options))))),
                    ("pbjson", Box::new(|| drop(black_box(serde_json::from_str::<pbjson::$message>(read()))))),
                    (
                        "buffa",
                        Box::new(|| drop(black_box(serde_json::from_str::<buffa_messages::bench::$message>(read())))),
                    ),
                    ("serde", Box::new(|| drop(black_box(serde_json::from_str::<plain::$message>(read()))))),
                ]
            );
            macro_rules! write {
                ($name:literal, $value:ident) => {{
                    let mut out = Vec::new();
                    let value = &$value;
                    (
                        $name,
                        Box::new(move || {
                            out.clear();
                            serde_json::to_writer(&mut out, black_box(value)).expect("it was written before");
                            black_box(&out);
                        }) as Box<dyn FnMut()>,
                    )
                }};
            }
            let mut out = Vec::new();
            let value = &ours;
            report!(
                "write JSON",
                vec![
                    (
                        "psd",
                        Box::new(move || {
                            out.clear();
                            json::write(black_box(value), &mut out, &WriteOptions::default())
                                .expect("it was written before");
                            black_box(&out);
                        }),
                    ),
                    write!("pbjson", pbjson),
                    write!("buffa", buffa),
                    write!("serde", plain),
                ]
            );

            let binary = ours.encode_to_vec();
            assert_eq!(prost::Message::encode_to_vec(&pbjson), binary);
            assert_eq!(buffa::Message::encode_to_vec(&buffa).len(), binary.len());
            let read = || black_box(binary.as_slice());
            report!(
                "read binary",
                vec![
                    ("psd", Box::new(|| drop(black_box(<psd::$message as prost::Message>::decode(read()))))),
                    ("prost", Box::new(|| drop(black_box(<pbjson::$message as prost::Message>::decode(read()))))),
                    (
                        "buffa",
                        Box::new(|| drop(black_box(buffa_messages::bench::$message::decode_from_slice(read())))),
                    ),
                ]
            );
            macro_rules! encode {
                ($name:literal, $value:ident) => {{
                    let (mut out, value) = (Vec::new(), &$value);
                    (
                        $name,
                        Box::new(move || {
                            out.clear();
                            prost::Message::encode(black_box(value), &mut out).expect("a vector grows");
                            black_box(&out);
                        }) as Box<dyn FnMut()>,
                    )
                }};
            }
            let (mut out, value) = (Vec::new(), &buffa);
            report!(
                "write binary",
                vec![
                    encode!("psd", ours),
                    encode!("prost", pbjson),
                    (
                        "buffa",
                        Box::new(move || {
                            out.clear();
                            buffa::Message::encode(black_box(value), &mut out);
                            black_box(&out);
                        }),
                    ),
                ]
            );
        }};
    }

    compare!(
        Mixed,
        concat!(
            r#"{"id":123456,"displayName":"Ada Lovelace","createdAt":"1795396112099","ratio":0.8125,"active":true,"#,
            r#""level":"HIGH","tags":["alpha","beta","gamma"],"checksum":"3q2+78r+ur7erb7vyv66vg==","#,
            r#""total":"18446744073709551615","labels":{"region":"eu-west","tier":"gold"}}"#
        )
    );
    compare!(
        Chat,
        concat!(
            r#"{"room":"general","author":"alice","text":"Good morning everyone, the build is green again — see you at "#,
            r#"ten!","sentAt":"1795396112099"}"#
        )
    );
    let items: Vec<String> = (0..100).map(item).collect();
    compare!(List, &format!(r#"{{"items":[{}],"nextPage":"page-2"}}"#, items.join(",")));

    println!("median over the messages, and the bar");
    for (title, name, bar) in BARS {
        let ratio = median(&ratios[&(title, name)]);
        let verdict = if ratio >= bar { "clears" } else { "MISSES" };
        println!("  {title:12}  {name:6} takes {ratio:.2}x what we take; {verdict} {bar:.2}x");
    }
}

/// By what and whom, how often our time each of the messages took.
type Ratios = BTreeMap<(&'static str, &'static str), Vec<f64>>;

/// What others take for what we take, at least. Ours is prost's own code in the binary form, so that the bar allows for
/// the noise of a measurement.
const BARS: [(&str, &str, f64); 7] = [
    ("read JSON", "pbjson", 1.6),
    ("read JSON", "buffa", 1.0),
    ("write JSON", "pbjson", 1.0),
    ("write JSON", "buffa", 1.0),
    ("write JSON", "serde", 1.0),
    ("read binary", "prost", 1.0 / 1.05),
    ("write binary", "prost", 1.0 / 1.05),
];

fn median(ratios: &[f64]) -> f64 {
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn item(number: usize) -> String {
    let (index, price) = (number + 1, number * 3);
    format!(r#"{{"index":{index},"name":"item number {number}","price":{price}.25,"inStock":true,"level":"MIDDLE"}}"#)
}

/// Measures the cases in turn and prints them, with the factor by which each is slower than the first.
fn report(title: &str, chosen: impl Fn(Vec<f64>) -> f64, mut cases: Vec<Case<'_>>) -> Vec<(&'static str, f64)> {
    let repetitions: Vec<u32> = cases.iter_mut().map(|(_, case)| (ROUND / time(case, 100)).max(1.0) as u32).collect();
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (index, (_, case)) in cases.iter_mut().enumerate() {
            times[index].push(time(case, repetitions[index]));
        }
    }
    let times: Vec<f64> = times.into_iter().map(chosen).collect();
    print!("  {title:12}");
    for ((name, _), time) in cases.iter().zip(&times) {
        print!("  {name} {time:6.0} ns ({:.2}x)", time / times[0]);
    }
    println!();
    cases.iter().zip(&times).map(|((name, _), time)| (*name, time / times[0])).collect()
}

/// Nanoseconds per call.
fn time(case: &mut dyn FnMut(), repetitions: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..repetitions {
        case();
    }
    start.elapsed().as_nanos() as f64 / f64::from(repetitions)
}
