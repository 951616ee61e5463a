//! A budget that ends makes a check undecided, and never wrong.

use quorate_sim::history::models::{Kind, Reply};
use quorate_sim::history::{History, Verdict};

use crate::{PLENTY, Story, Word, append, found, get, judged, put, swap};

type Told = History<quorate_sim::history::models::Call, Reply>;

/// Twelve writes at once, and reads that see them in an order that is possible or not.
fn crowd(good: bool) -> Told {
    let mut story = Story::default();
    let open: Vec<_> = (0..12).map(|client| story.invoke(client, put("", &client.to_string()))).collect();
    for seen in [3, 5, 11, if good { 0 } else { 3 }] {
        story.at_once(20, get(""), found(&seen.to_string()));
    }
    open.into_iter().for_each(|id| story.complete(id, Reply::Done));
    story.told()
}

#[test]
fn every_budget_gives_the_right_verdict_or_none() {
    for good in [true, false] {
        let (history, right) = (crowd(good), if good { Word::Good } else { Word::Bad });
        let words: Vec<Word> = (0..16).map(|power| judged(Kind::Register, &history, (1 << power) - 1)).collect();
        assert!(words.iter().all(|word| [right, Word::Undecided].contains(word)), "{words:?}");
        assert_eq!((words[0], judged(Kind::Register, &history, PLENTY)), (Word::Undecided, right), "{words:?}");
        // More never makes it less.
        assert!(words.is_sorted_by_key(|word| *word != Word::Undecided), "{words:?}");
    }
}

#[test]
fn what_is_too_much_to_try_is_undecided_and_says_how_far_it_came() {
    let mut story = Story::default();
    story.at_once(0, put("b", "1"), Reply::Done);
    // Nothing that is lost explains what is read, and the orders of what is lost are too many to try.
    (0..40).for_each(|client| drop_lost(&mut story, client));
    story.at_once(99, append("a", "end"), Reply::Done);
    story.at_once(99, get("a"), found("nothing like it"));
    let history = story.told();
    let Verdict::Undecided(progress) = Kind::Kv.check(&history, 50_000).expect("they are texts") else { panic!("it was decided") };
    assert_eq!((progress.steps, progress.keys_done, progress.keys, progress.key.as_deref()), (50_000, 1, 2, Some("a")));
    assert_eq!((progress.linearized, progress.operations), (1, 2));
    assert_eq!(progress.to_string(), "after 50000 steps 1 of 2 keys are linearizable; on key \"a\" 1 of 2 operations are so far");
}

fn drop_lost(story: &mut Story, client: u64) {
    let lost = story.invoke(client, append("a", &format!("{client};")));
    story.lost(lost);
}

#[test]
fn what_is_cheaply_known_to_be_bad_is_found_before_the_budget_is_spent_elsewhere() {
    let mut story = Story::default();
    (0..40).for_each(|client| drop_lost(&mut story, client));
    story.at_once(99, get("a"), found("nothing like it"));
    story.at_once(99, get("b"), found("what nobody wrote"));
    assert_eq!(judged(Kind::Kv, &story.told(), 1_000), Word::Bad);
}

#[test]
fn large_states_use_up_the_budget_faster() {
    let tell = |bytes: usize| {
        let mut story = Story::default();
        for client in 0..10 {
            story.at_once(client, append("a", &"x".repeat(bytes)), Reply::Done);
        }
        story.told()
    };
    assert_eq!(judged(Kind::Kv, &tell(1), 100), Word::Good);
    assert_eq!(judged(Kind::Kv, &tell(10_000), 100), Word::Undecided);
}

#[test]
fn a_hundred_equal_writes_of_unknown_outcome_are_as_good_as_one() {
    let mut story = Story::default();
    story.at_once(0, put("", "1"), Reply::Done);
    for client in 1..101 {
        let lost = story.invoke(client, swap("", Some("1"), Some("2")));
        story.lost(lost);
    }
    story.at_once(0, get(""), found("3"));
    assert_eq!(judged(Kind::Register, &story.told(), 1_000), Word::Bad);
}
