//! Small histories, good and bad, for each model; each says in its name what it shows.

use quorate_sim::history::models::{Kind, Register, Reply};
use quorate_sim::history::{Misfit, OpId, Verdict, check};

use crate::{ABSENT, PLENTY, Story, Word, append, delete, found, get, judged, put, swap};

fn is(kind: Kind, word: Word, tell: impl FnOnce(&mut Story)) {
    let mut story = Story::default();
    tell(&mut story);
    assert_eq!(judged(kind, &story.told(), PLENTY), word);
}

#[test]
fn nothing_is_linearizable() {
    Kind::ALL.into_iter().for_each(|kind| is(kind, Word::Good, |_| ()));
}

#[test]
fn one_after_another_must_see_what_came_before() {
    let tell = |story: &mut Story, seen| {
        story.at_once(0, get(""), ABSENT);
        story.at_once(0, put("", "1"), Reply::Done);
        story.at_once(1, get(""), seen);
    };
    is(Kind::Register, Word::Good, |story| tell(story, found("1")));
    is(Kind::Register, Word::Bad, |story| tell(story, ABSENT));
}

#[test]
fn while_a_write_is_open_a_read_may_see_either_value() {
    for seen in [found("1"), found("2")] {
        is(Kind::Register, Word::Good, |story| {
            story.at_once(0, put("", "1"), Reply::Done);
            let open = story.invoke(0, put("", "2"));
            story.at_once(1, get(""), seen);
            story.complete(open, Reply::Done);
        });
    }
}

#[test]
fn a_value_that_was_seen_is_not_unseen_by_a_stale_read() {
    let tell = |story: &mut Story, first: &str, second: &str| {
        story.at_once(0, put("", "1"), Reply::Done);
        let open = story.invoke(0, put("", "2"));
        story.at_once(1, get(""), found(first));
        story.at_once(2, get(""), found(second));
        story.complete(open, Reply::Done);
    };
    is(Kind::Register, Word::Good, |story| tell(story, "1", "2"));
    is(Kind::Register, Word::Bad, |story| tell(story, "2", "1"));
}

#[test]
fn an_acknowledged_write_is_not_lost() {
    is(Kind::Store, Word::Bad, |story| {
        story.at_once(0, put("a", "1"), Reply::Done);
        story.at_once(0, put("a", "2"), Reply::Done);
        story.at_once(1, get("a"), found("1"));
    });
}

#[test]
fn writes_that_overlap_come_in_one_order_for_all() {
    let tell = |story: &mut Story, then: &str| {
        let (one, two) = (story.invoke(0, put("", "1")), story.invoke(1, put("", "2")));
        story.complete(one, Reply::Done);
        story.complete(two, Reply::Done);
        story.at_once(2, get(""), found("1"));
        story.at_once(3, get(""), found(then));
    };
    is(Kind::Register, Word::Good, |story| tell(story, "1"));
    is(Kind::Register, Word::Bad, |story| tell(story, "2"));
}

#[test]
fn a_retried_append_that_was_applied_twice_is_seen() {
    let tell = |story: &mut Story, seen| {
        story.at_once(0, append("a", "x"), Reply::Done);
        story.at_once(1, get("a"), found(seen));
    };
    is(Kind::Kv, Word::Good, |story| tell(story, "x"));
    is(Kind::Kv, Word::Bad, |story| tell(story, "xx"));
}

#[test]
fn an_append_of_unknown_outcome_takes_effect_at_most_once() {
    let tell = |story: &mut Story, seen: &str| {
        let lost = story.invoke(0, append("a", "x"));
        story.lost(lost);
        story.at_once(1, append("a", "y"), Reply::Done);
        story.at_once(1, get("a"), found(seen));
    };
    for (seen, word) in [("y", Word::Good), ("xy", Word::Good), ("yx", Word::Good), ("xyx", Word::Bad), ("x", Word::Bad)] {
        is(Kind::Kv, word, |story| tell(story, seen));
    }
}

#[test]
fn a_text_that_was_never_written_is_empty_and_not_absent() {
    for (kind, word, seen) in [(Kind::Kv, Word::Good, found("")), (Kind::Kv, Word::Bad, ABSENT), (Kind::Store, Word::Bad, found(""))] {
        is(kind, word, |story| {
            story.at_once(0, get("a"), seen);
        });
    }
}

#[test]
fn an_unknown_outcome_may_take_effect_late_or_never() {
    for sees in [["1", "1"], ["1", "2"], ["2", "2"]] {
        is(Kind::Register, Word::Good, |story| {
            story.at_once(0, put("", "1"), Reply::Done);
            let lost = story.invoke(1, put("", "2"));
            story.lost(lost);
            for seen in sees {
                story.at_once(0, get(""), found(seen));
            }
        });
    }
    is(Kind::Register, Word::Bad, |story| {
        story.at_once(0, put("", "1"), Reply::Done);
        let lost = story.invoke(1, put("", "2"));
        story.lost(lost);
        for seen in ["2", "1"] {
            story.at_once(0, get(""), found(seen));
        }
    });
}

#[test]
fn an_unknown_outcome_does_not_take_effect_before_it_was_invoked() {
    is(Kind::Register, Word::Bad, |story| {
        story.at_once(0, get(""), found("2"));
        story.invoke(1, put("", "2"));
    });
}

#[test]
fn two_equal_writes_of_unknown_outcome_take_effect_twice_and_not_three_times() {
    let tell = |story: &mut Story, times: usize| {
        for client in 0..2 {
            story.invoke(client, put("", "2"));
        }
        for _ in 0..times {
            story.at_once(7, put("", "1"), Reply::Done);
            story.at_once(7, get(""), found("2"));
        }
    };
    is(Kind::Register, Word::Good, |story| tell(story, 2));
    is(Kind::Register, Word::Bad, |story| tell(story, 3));
}

#[test]
fn a_write_of_the_value_that_is_there_may_still_be_needed_later() {
    is(Kind::Register, Word::Good, |story| {
        let late = story.invoke(0, put("", "1"));
        story.at_once(1, put("", "1"), Reply::Done);
        story.at_once(1, put("", "2"), Reply::Done);
        story.at_once(1, get(""), found("1"));
        story.complete(late, Reply::Done);
    });
}

#[test]
fn what_failed_has_no_effect() {
    let tell = |story: &mut Story, seen| {
        story.at_once(0, put("a", "1"), Reply::Done);
        let failed = story.invoke(0, put("a", "2"));
        story.fail(failed);
        story.at_once(1, get("a"), found(seen));
    };
    is(Kind::Store, Word::Good, |story| tell(story, "1"));
    is(Kind::Store, Word::Bad, |story| tell(story, "2"));
}

#[test]
fn a_comparison_answers_what_it_found() {
    for kind in [Kind::Register, Kind::Store] {
        let tell = |story: &mut Story, applied, seen| {
            story.at_once(0, put("", "1"), Reply::Done);
            story.at_once(1, swap("", Some("3"), Some("4")), Reply::Applied(applied));
            story.at_once(0, get(""), found(seen));
        };
        is(kind, Word::Good, |story| tell(story, false, "1"));
        is(kind, Word::Bad, |story| tell(story, true, "4"));
        is(kind, Word::Bad, |story| tell(story, false, "4"));
    }
    // Refused although the value was there.
    is(Kind::Register, Word::Bad, |story| {
        story.at_once(0, put("", "1"), Reply::Done);
        story.at_once(1, swap("", Some("1"), Some("2")), Reply::Applied(false));
    });
}

#[test]
fn of_two_comparisons_with_one_value_only_one_applies() {
    let tell = |story: &mut Story, both| {
        let (one, two) = (story.invoke(0, swap("a", None, Some("1"))), story.invoke(1, swap("a", None, Some("2"))));
        story.complete(one, Reply::Applied(true));
        story.complete(two, Reply::Applied(both));
    };
    is(Kind::Store, Word::Good, |story| tell(story, false));
    is(Kind::Store, Word::Bad, |story| tell(story, true));
}

#[test]
fn what_was_deleted_is_absent_and_says_whether_it_was_there() {
    let tell = |story: &mut Story, answer, seen| {
        story.at_once(0, put("a", "1"), Reply::Done);
        story.at_once(1, delete("a"), answer);
        story.at_once(0, get("a"), seen);
    };
    is(Kind::Store, Word::Good, |story| tell(story, Reply::Applied(true), ABSENT));
    is(Kind::Store, Word::Good, |story| tell(story, Reply::Done, ABSENT));
    is(Kind::Store, Word::Bad, |story| tell(story, Reply::Applied(false), ABSENT));
    is(Kind::Store, Word::Bad, |story| tell(story, Reply::Applied(true), found("1")));
    is(Kind::Store, Word::Good, |story| {
        story.at_once(0, put("a", "1"), Reply::Done);
        story.at_once(0, swap("a", Some("1"), None), Reply::Applied(true));
        story.at_once(0, delete("a"), Reply::Applied(false));
    });
}

#[test]
fn keys_have_nothing_to_do_with_each_other() {
    let tell = |story: &mut Story, seen| {
        story.at_once(0, put("a", "1"), Reply::Done);
        story.at_once(0, get("b"), seen);
    };
    for kind in [Kind::Register, Kind::Store] {
        is(kind, Word::Good, |story| tell(story, ABSENT));
        is(kind, Word::Bad, |story| tell(story, found("1")));
    }
}

#[test]
fn an_explanation_names_the_key_the_longest_prefix_and_what_does_not_fit() {
    let mut story = Story::default();
    let other = story.at_once(0, put("b", "7"), Reply::Done);
    let one = story.at_once(0, put("a", "1"), Reply::Done);
    let lost = story.invoke(3, put("a", "3"));
    let two = story.invoke(0, put("a", "2"));
    let seen = story.at_once(1, get("a"), found("2"));
    let stale = story.at_once(2, get("a"), found("1"));
    story.complete(two, Reply::Done);
    let history = story.told();
    let Verdict::NotLinearizable(why) = Kind::Store.check(&history, PLENTY).expect("a store has these") else { panic!("it is stale") };
    assert_eq!((why.key.as_deref(), why.operations), (Some("a"), 5));
    assert_eq!((why.linearized, why.state.as_str()), (vec![one, two, seen], "\"2\""));
    assert_eq!((why.stuck, why.unknown), (vec![stale], vec![lost]));
    assert_eq!(other, OpId(0));
}

#[test]
fn operations_that_a_model_does_not_have_are_not_judged() {
    let mut story = Story::default();
    story.at_once(0, put("", "1"), Reply::Done);
    let strange = story.at_once(0, append("", "1"), Reply::Done);
    assert_eq!(check(&story.told(), &Register, PLENTY), Err(Misfit { operation: strange, model: "register" }));
    let mut story = Story::default();
    let strange = story.at_once(0, get("a"), Reply::Done);
    let error = Kind::Store.check(&story.told(), PLENTY).expect_err("a read answers a value");
    assert_eq!(error.operation, strange);
    assert_eq!(error.to_string(), "operation 0 is not one that a store has, or its answer is not; expected a history of a store");
}
