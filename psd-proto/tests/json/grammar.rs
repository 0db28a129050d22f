use psd_proto::json::{Kind, ReadOptions, Reader, Result, WriteOptions, Writer};
use serde_json::Value;

/// A small generator of pseudo-random numbers: the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

const SEEDS: &[&str] = &[
    r#"{"a":[1,-2.5e3,0.1E-2,"x\n\u00e9\ud83d\udc0e/",true,false,null],"b":{"c":{},"d":[]},"č":"ž🐎"}"#,
    r#" [ [ ] , { } , "" , 0 , -0 , 10 , { "key with spaces" : "\"\\\/\b\f\r\t" } ] "#,
    r#""a string of more than thirty-two bytes, so that it is scanned in blocks: \\ and on, and on, and on""#,
    "12345678901234567890.5",
    r#"{"a":{"a":{"a":{"a":{"a":[[[[[[1]]]]]]}}}}}"#,
];

const PIECES: &[&str] = &[
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "\\udc0e", "\\n", "0", "1", "-", "+", ".", "e", "E",
    "null", "true", "false", "nul", " ", "\n", "\t", "\u{0}", "\u{1f}", "\u{7f}", "é", "🐎", "/", "'", "NaN", "\"a\":",
    "[]", "{}",
];

fn mutate(random: &mut Random) -> String {
    let mut text = SEEDS[random.below(SEEDS.len())].to_owned();
    for _ in 0..=random.below(3) {
        let mut boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        boundaries.push(text.len());
        let (a, b) = (boundaries[random.below(boundaries.len())], boundaries[random.below(boundaries.len())]);
        let (start, end) = (a.min(b), a.max(b).min(a.min(b) + 12));
        let end = (start..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        match random.below(4) {
            0 => text.truncate(start),
            1 => text.replace_range(start..end, ""),
            2 => {
                let piece = text[start..end].to_owned();
                text.insert_str(start, &piece);
            }
            _ => text.replace_range(start..end, PIECES[random.below(PIECES.len())]),
        }
    }
    text
}

fn skip(text: &str) -> Result<&str> {
    let mut reader = Reader::new(text, &ReadOptions::default());
    let value = reader.skip()?;
    reader.finish()?;
    Ok(value)
}

/// Reads a value and writes it again, number by number and string by string.
fn copy(reader: &mut Reader<'_>, writer: &mut Writer<'_>) -> Result<()> {
    match reader.peek() {
        Kind::Object => {
            reader.begin_object()?;
            let start = writer.begin();
            while let Some(key) = reader.next_key()? {
                writer.key(&key);
                copy(reader, writer)?;
            }
            writer.end_object(start);
        }
        Kind::Array => {
            reader.begin_array()?;
            let start = writer.begin();
            while reader.next_element()? {
                writer.comma();
                copy(reader, writer)?;
            }
            writer.end_array(start);
        }
        Kind::String => writer.string(&reader.string()?),
        Kind::Number => writer.f64(reader.f64()?),
        Kind::Bool => writer.bool(reader.bool()?),
        _ => writer.raw(reader.skip()?),
    }
    Ok(())
}

/// Sixty thousand broken texts: what serde_json takes for JSON we do too, with the same value, and nothing else.
#[test]
fn agrees_with_serde_json() {
    let mut random = Random(0x5eed);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let text = mutate(&mut random);
        let expected = serde_json::from_str::<Value>(&text);
        match (skip(&text), expected) {
            (Ok(value), Ok(expected)) => {
                assert_eq!(value, text.trim_matches([' ', '\n', '\t', '\r']));
                assert_eq!(Reader::new(&text, &ReadOptions::default()).skim(), Ok(value));
                let mut out = Vec::new();
                let mut writer = Writer::new(&mut out, &WriteOptions::default());
                copy(&mut Reader::new(&text, &ReadOptions::default()), &mut writer).unwrap();
                writer.finish().unwrap();
                let copied: Value = serde_json::from_slice(&out).unwrap();
                assert!(same(&copied, &expected), "{text}: {copied}");
                accepted += 1;
            }
            (Err(_), Err(_)) => {
                // Skimming checks less, but ends like everything else.
                let _ = Reader::new(&text, &ReadOptions::default()).skim();
                refused += 1;
            }
            // A number beyond the range of a double is JSON all the same.
            (Ok(_), Err(error)) if error.to_string().starts_with("number out of range") => {}
            (ours, theirs) => panic!("{text:?}: {ours:?}, serde_json: {theirs:?}"),
        }
    }
    assert!(accepted > 5000 && refused > 5000, "{accepted} accepted, {refused} refused");
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        // `1` and `1.0` are the same to us; and serde_json is now and then off by one in the last place.
        (Value::Number(left), Value::Number(right)) => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => (left - right).abs() <= right.abs() * 1e-15,
            _ => false,
        },
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same_member = |(key, left): (&String, &Value)| right.get(key).is_some_and(|right| same(left, right));
            left.len() == right.len() && left.iter().all(same_member)
        }
        _ => left == right,
    }
}
