//! Which known name did the person mean? Optimal string alignment: one edit per inserted, lost, wrong or swapped letter.

/// The known name nearest to `typed`, if one is near enough to be worth proposing.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = 1 + typed.chars().count() / 3;
    known
        .into_iter()
        .map(|name| (distance(typed, name), name))
        .filter(|&(edits, name)| edits <= limit || (typed.len() > 1 && name.starts_with(typed)))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, name)| name)
}

fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let wrong = usize::from(a[i - 1] != b[j - 1]);
            let mut edits = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + wrong);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = edits;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: [&str; 4] = ["test", "fuzz", "bench", "licences"];

    #[test]
    fn a_slip_of_the_fingers_finds_the_name() {
        assert_eq!(nearest("tset", NAMES), Some("test"));
        assert_eq!(nearest("licenses", NAMES), Some("licences"));
        assert_eq!(nearest("lic", NAMES), Some("licences"));
    }

    #[test]
    fn a_word_from_elsewhere_finds_nothing() {
        assert_eq!(nearest("deploy", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
    }
}
