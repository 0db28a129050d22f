//! The values that `types-build` makes, each by its variant's name.

use std::collections::BTreeMap;

use psd_core::proto::prost_types::{Duration, Timestamp};

use crate::pb::{Color, Inner, Tree, Types, types::Choice};

/// The value of a variant; `None` for an unknown one, `Some(None)` where the reply has no value.
///
/// Of the recorded variants two cannot be built here: `wrong_type` and `overflow` put values into fields that a typed
/// field does not take.
pub(crate) fn build(variant: &str) -> Option<Option<Types>> {
    let value = match variant {
        "full" => full(),
        "empty" => return Some(None),
        "defaults" => Types { choice: Some(Choice::CText(String::new())), ..Types::default() },
        "map_bytes" => Types { map_sb: map([("b", vec![1, 2])]), ..Types::default() },
        "nan" => Types { flt: f32::NAN, dbl: f64::INFINITY, ..Types::default() },
        "nan_neg" => Types { dbl: f64::NEG_INFINITY, ..Types::default() },
        "ts_tz" => Types { ts: Some(noon(0)), ..Types::default() },
        "ts_micro" => Types { ts: Some(noon(1_000)), ..Types::default() },
        "ts_milli" => Types { ts: Some(noon(5_000_000)), ..Types::default() },
        "rep_ts" => Types { rep_ts: vec![noon(0)], ..Types::default() },
        "dur_small" => Types { dur: Some(Duration { seconds: 0, nanos: 5_000 }), ..Types::default() },
        "dur_whole" => Types { dur: Some(Duration { seconds: 3, nanos: 0 }), ..Types::default() },
        "enum_unknown" => Types { color: 77, ..Types::default() },
        "enum_raw_int" => Types { color: 2, ..Types::default() },
        "tree" => Types { trees: vec![tree()], ..Types::default() },
        // The original set both members of the oneof; the later one is the one that counts.
        "oneof_two" => Types { choice: Some(Choice::CNum(5)), ..Types::default() },
        "oneof_msg" => {
            Types { choice: Some(Choice::CInner(Inner { name: "x".into(), ..Inner::default() })), ..Types::default() }
        }
        "wrapper" => Types { w_str: Some("w".into()), ..Types::default() },
        "ts_friendly" => ts_friendly(),
        _ => return None,
    };
    Some(Some(value))
}

fn full() -> Types {
    Types {
        i32: -1,
        i64: -9_007_199_254_740_993,
        u32: u32::MAX,
        u64: u64::MAX,
        s32: -2,
        s64: -3,
        f32: 7,
        f64: 8,
        sf32: -9,
        sf64: -10,
        flt: 1.5,
        dbl: 0.1,
        flag: true,
        strv: "žščđ \"q\" \\ \n".into(),
        raw: b"\x00\xff\xfe>?".to_vec(),
        color: Color::DarkGreen.into(),
        inner: Some(inner()),
        rep_i32: vec![1, 0, -1],
        rep_i64: vec![1, 1 << 62],
        rep_str: vec!["a".into(), String::new()],
        rep_raw: vec![b"a".to_vec(), Vec::new()],
        rep_color: vec![Color::Red.into(), Color::Neg.into()],
        rep_inner: vec![inner(), Inner::default()],
        map_ss: map([("k", "v".into()), ("", String::new())]),
        map_is: BTreeMap::from([(1, "x".into()), (-5, "y".into())]),
        map_si: map([("m", inner())]),
        map_sl: map([("big", 1 << 62)]),
        map_sc: map([("c", Color::Red.into())]),
        map_lb: BTreeMap::from([(1 << 40, true)]),
        choice: Some(Choice::CNum(0)),
        ts: Some(Timestamp { seconds: 1_709_209_845, nanos: 123_456_000 }),
        dur: Some(Duration { seconds: 90, nanos: 500_000_000 }),
        w_str: Some(String::new()),
        w_i64: Some(1 << 60),
        w_bool: Some(false),
        camel_name: "camel".into(),
        http_code: "http".into(),
        with_2_digit: "w2".into(),
        class: "kw".into(),
        field_1: "f1".into(),
        a_b_c: "abc".into(),
        ..Types::default()
    }
}

/// What today's TypeScript client can read in full.
fn ts_friendly() -> Types {
    Types {
        i64: -9_007_199_254_740_993,
        u64: u64::MAX,
        raw: b"\x00\xff\xfe".to_vec(),
        color: Color::DarkGreen.into(),
        inner: Some(inner()),
        rep_i64: vec![(1 << 62) + 1],
        rep_color: vec![Color::Red.into(), Color::Neg.into()],
        map_is: BTreeMap::from([(1, "x".into())]),
        map_si: map([("m", inner())]),
        map_sl: map([("big", (1 << 62) + 1)]),
        map_sc: map([("c", Color::Red.into())]),
        map_lb: BTreeMap::from([(1 << 40, true)]),
        choice: Some(Choice::CNum(0)),
        http_code: "http".into(),
        with_2_digit: "w2".into(),
        class: "kw".into(),
        field_1: "f1".into(),
        a_b_c: "abc".into(),
        ..Types::default()
    }
}

fn inner() -> Inner {
    Inner { name: "in".into(), big: 9_007_199_254_740_993, color: Color::DarkGreen.into() }
}

fn tree() -> Tree {
    let leaf = Tree { name: "leaf".into(), ..Tree::default() };
    Tree { name: "root".into(), children: vec![leaf, Tree::default()] }
}

/// 2024-01-01T12:00:00Z and a fraction.
fn noon(nanos: i32) -> Timestamp {
    Timestamp { seconds: 1_704_110_400, nanos }
}

fn map<V, const N: usize>(entries: [(&str, V); N]) -> BTreeMap<String, V> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
