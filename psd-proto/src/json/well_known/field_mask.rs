//! `google.protobuf.FieldMask`: camel-case paths with commas between them.

use prost_types::FieldMask;

use crate::json::{Error, JsonValue, Reader, Result, Writer};

impl JsonValue for FieldMask {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        reader.next_byte();
        let start = reader.at;
        let text = reader.string()?;
        if text.is_empty() {
            return Ok(());
        }
        let paths: Option<_> = text.split(',').map(snake).collect();
        self.paths = paths.ok_or_else(|| Error::expected(reader.text, start, "camel-case paths joined by commas"))?;
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let mut text = String::new();
        for (count, path) in self.paths.iter().enumerate() {
            let Some(path) = camel(path) else {
                let path = crate::json::error::shown(path);
                return writer.refuse(format!("the path `{path}` of a field mask would not survive in camel case"));
            };
            if count > 0 {
                text.push(',');
            }
            text.push_str(&path);
        }
        writer.string(&text);
    }

    fn is_default(&self) -> bool {
        false
    }
}

/// `fooBar.baz` to `foo_bar.baz`; an underscore has no place in camel case.
fn snake(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for character in path.chars() {
        match character {
            'A'..='Z' => {
                snake.push('_');
                snake.push(character.to_ascii_lowercase());
            }
            '_' => return None,
            _ => snake.push(character),
        }
    }
    Some(snake)
}

/// `foo_bar.baz` to `fooBar.baz`; only what [`snake`] turns back.
fn camel(path: &str) -> Option<String> {
    let mut camel = String::with_capacity(path.len());
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        match character {
            'A'..='Z' => return None,
            '_' => match characters.next() {
                Some(letter @ 'a'..='z') => camel.push(letter.to_ascii_uppercase()),
                _ => return None,
            },
            _ => camel.push(character),
        }
    }
    Some(camel)
}
