//! What a misspelt key was meant to be.

/// The candidate closest to `word`, if one is close enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1) + 1;
    let close = candidates.iter().map(|candidate| (distance(word, candidate), *candidate));
    close.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other, case aside.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let substituted = row[j] + usize::from(x != y);
            let mut best = substituted.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "abc", 3), ("plnm", "plmn", 1), ("tac", "tacs", 1), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_what_is_close_is_proposed() {
        let keys = ["name", "plmn", "amf_id", "tacs", "slices", "dnns"];
        assert_eq!(nearest("plnm", &keys), Some("plmn"));
        assert_eq!(nearest("tac", &keys), Some("tacs"));
        assert_eq!(nearest("Slice", &keys), Some("slices"));
        assert_eq!(nearest("amf-id", &keys), Some("amf_id"));
        assert_eq!(nearest("frequency", &keys), None);
    }
}
