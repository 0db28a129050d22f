//! The names that fields have in JSON.

/// The proto3 JSON name of a field that does not choose its own: every underscore goes, and raises what follows.
pub(crate) fn proto3(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut raise = false;
    for character in name.chars() {
        match character {
            '_' => raise = true,
            _ if std::mem::take(&mut raise) => json.push(character.to_ascii_uppercase()),
            _ => json.push(character),
        }
    }
    json
}

/// The classic name of a field: an underscore goes only when a lower-case letter follows, which is raised.
pub(crate) fn classic(name: &str) -> String {
    let mut classic = String::with_capacity(name.len());
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(letter @ 'a'..='z') if character == '_' => {
                classic.push(letter.to_ascii_uppercase());
                characters.next();
            }
            _ => classic.push(character),
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names() {
        for (name, expected_proto3, expected_classic) in [
            ("text", "text", "text"),
            ("camel_name", "camelName", "camelName"),
            ("camelName", "camelName", "camelName"),
            ("a_b_c", "aBC", "aBC"),
            ("field_1", "field1", "field_1"),
            ("with_2_digit", "with2Digit", "with_2Digit"),
            ("HTTPCode", "HTTPCode", "HTTPCode"),
            ("HTTP_Code", "HTTPCode", "HTTP_Code"),
            ("_leading", "Leading", "Leading"),
            ("trailing_", "trailing", "trailing_"),
            ("two__under", "twoUnder", "two_Under"),
        ] {
            assert_eq!(proto3(name), expected_proto3, "{name}");
            assert_eq!(classic(name), expected_classic, "{name}");
        }
    }
}
