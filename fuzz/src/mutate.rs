//! Inputs from inputs.

/// A generator of numbers (xorshift64*): the same seed gives the same run.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Any seed will do.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15 | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What texts and messages are made of.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"0",
    b"-0",
    b"1.5",
    b"1e9",
    b"1e400",
    b"9007199254740993",
    b"18446744073709551615",
    b"-9223372036854775808",
    b"\"NaN\"",
    b"\"-Infinity\"",
    b"\\ud83d",
    b"\\udc0e",
    b"\\u0000",
    b"\"AA==\"",
    b"\"@type\":",
    b"\"value\":",
    b"\"seconds\":",
    b"\"nanos\":",
    b"\"1970-01-01T00:00:00Z\"",
    b"\"-0.000000001s\"",
    b"\"headers\":",
    b"\"body\":",
    b"\"messageType\":\"a\"",
    b"\"next\":",
    b"type.googleapis.com/google.protobuf.",
    b"Any",
    b"Value",
    b"Empty",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x08",
    b"\x0a\x00",
    b"\x08\x00",
    b"\xf0\x9f\x90\x8e",
    b"\x00",
    b"\x7f",
    b"\x80",
    b"\xff",
];

/// The longest input.
const LONGEST: usize = 4096;

/// An input made of one of the corpus, at times with a piece of another.
pub fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.of(corpus).clone();
    for _ in 0..1 + random.below(6) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(16)).min(input.len());
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.next() as u8,
            2 => drop(input.splice(at..at, random.of(TOKENS).iter().copied())),
            3 => drop(input.splice(at..end, random.of(TOKENS).iter().copied())),
            4 => drop(input.drain(at..end)),
            5 => {
                // Again and again: lists, nesting.
                let piece = input[at..end].repeat(1 + random.below(8));
                input.splice(at..at, piece);
            }
            6 => {
                let other = random.of(corpus);
                let from = random.below(other.len() + 1);
                let piece = &other[from..(from + random.below(64)).min(other.len())];
                input.splice(at..at, piece.iter().copied());
            }
            7 if at < input.len() => input[at] = input[at].wrapping_add(1),
            8 if at < input.len() => input[at] = input[at].wrapping_sub(1),
            _ => input.truncate(at),
        }
        input.truncate(LONGEST);
    }
    input
}
