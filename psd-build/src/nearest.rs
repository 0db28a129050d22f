//! What the user probably meant.

/// The candidate nearest to `word`, if it is near enough to be a slip of the pen.
///
/// Letter case, `-`, `_` and spaces do not count; a third of the letters may differ, at most two.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowance(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn allowance(candidate: &str) -> usize {
    (candidate.chars().count() / 3).min(2)
}

fn fold(word: &str) -> Vec<char> {
    word.chars().filter(|character| !matches!(character, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let mut cost = (last[column] + usize::from(a != b)).min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == other[column - 1] && one[row - 1] == *b {
                cost = cost.min(before_last[column - 1] + 1);
            }
            current.push(cost);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        let names = ["type", "origin", "auth", "client cache", "client cache_keys"];
        assert_eq!(nearest(word, names), expected, "{word}");
    }

    #[test]
    fn a_slip_of_the_pen_is_found_and_another_word_is_not() {
        check("tpye", Some("type"));
        check("Type", Some("type"));
        check("orgin", Some("origin"));
        check("origins", Some("origin"));
        check("client_cache", Some("client cache"));
        check("clientCache", Some("client cache"));
        check("client cache-key", Some("client cache_keys"));
        check("time", None);
        check("path", None);
        check("organ", Some("origin"));
        check("original", Some("origin"));
        check("", None);
    }
}
