//! Which of many things are needed for something to go wrong.
//!
//! Delta debugging (Zeller, *Simplifying and Isolating Failure-Inducing Input*, 2002): leave out halves, then quarters, and so on, and go
//! on with what still fails. It asks in an order that follows from the answers alone, and no more often than it is allowed to, so the same
//! failure is always made as small in the same way.

/// The indices below `many` that are still needed when `fails` was asked at most `tries` times: leaving out any one of them alone does not
/// fail, or was not tried any more. `fails` is not asked about all of them, which is known.
pub fn needed(many: usize, tries: u32, mut fails: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..many).collect();
    let mut left = tries;
    let mut ask = |kept: &[usize]| {
        left = left.checked_sub(1)?;
        Some(fails(kept))
    };
    // Often none is: the mistake shows by itself.
    match ask(&[]) {
        Some(false) => {}
        Some(true) => return Vec::new(),
        None => return kept,
    }
    let mut parts = 2;
    while kept.len() > 1 {
        let size = kept.len().div_ceil(parts);
        let mut smaller = None;
        for start in (0..kept.len()).step_by(size) {
            let without: Vec<usize> = kept[..start].iter().chain(&kept[(start + size).min(kept.len())..]).copied().collect();
            if without.is_empty() {
                continue;
            }
            match ask(&without) {
                Some(true) => {
                    smaller = Some(without);
                    break;
                }
                Some(false) => {}
                None => return kept,
            }
        }
        match smaller {
            Some(without) => {
                kept = without;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_found_wherever_it_is() {
        for many in [1, 2, 3, 7, 40] {
            for first in 0..many {
                for second in first..many {
                    let found = needed(many, 10_000, |kept| kept.contains(&first) && kept.contains(&second));
                    assert_eq!(found, if first == second { vec![first] } else { vec![first, second] }, "of {many}");
                }
            }
        }
    }

    #[test]
    fn what_fails_by_itself_needs_nothing() {
        assert!(needed(40, 1, |_| true).is_empty());
        assert!(needed(0, 1, |_| true).is_empty());
    }

    #[test]
    fn it_asks_no_more_often_than_it_may_and_what_it_gives_still_fails() {
        for tries in 0..60 {
            let mut asked = 0;
            let fails = |kept: &[usize]| [3, 17, 33].iter().all(|needed| kept.contains(needed));
            let found = needed(40, tries, |kept| {
                asked += 1;
                fails(kept)
            });
            assert!(asked <= tries && fails(&found), "{tries} tries, {asked} asked, {found:?}");
        }
    }
}
