//! Finding where a value ends without reading it.

use super::{Reader, Result, scan};

impl<'a> Reader<'a> {
    /// Passes over one value by its brackets and quotes alone and returns its text, well-formed or not: whoever reads
    /// it will find what is wrong with it. Nesting is not bounded, and takes no stack.
    ///
    /// # Errors
    /// If there is no value, or the text ends within it.
    pub fn skim(&mut self) -> Result<&'a str> {
        if matches!(self.next_byte(), None | Some(b',' | b':' | b'}' | b']')) {
            return Err(self.expected("a value"));
        }
        let start = self.at;
        match skim_at(self.text.as_bytes(), start) {
            Some(end) => self.at = end,
            None => return Err(self.expected("a value that ends")),
        }
        Ok(&self.text[start..self.at])
    }
}

/// Where the value ends that begins at `at`, by its brackets and quotes alone: at `at` where there is none. `None` if the text
/// ends within it.
pub(crate) fn skim_at(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at + 1);
                if at > bytes.len() {
                    return None;
                }
                if open > 0 {
                    continue;
                }
                return Some(at);
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' if open == 0 => break,
            b'}' | b']' => {
                open -= 1;
                if open == 0 {
                    return Some(at + 1);
                }
            }
            b',' | b' ' | b'\n' | b'\r' | b'\t' if open == 0 => break,
            _ => {}
        }
        at += 1;
    }
    (open == 0).then_some(at)
}

/// Behind the closing quote of a string whose opening one is before `at`; beyond the end if there is none.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = scan::plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len() + 1,
        }
    }
}
