//! What the cluster has promised to the demo's clients, key by key, and what must therefore be there.
//!
//! A slot is a key that one client alone writes, one operation after the other, each value greater than the one before. So what a read must
//! find is known exactly, and a compare-and-swap can only succeed. When nobody can say whether a write was carried out, the slot goes on
//! with another key, and the old one may have either value for ever.

use serde::{Deserialize, Serialize};

/// What is done to a slot's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// It gets a value.
    Put(u64),
    /// It gets the second value if it has the first.
    Swap(u64, u64),
    /// It is read.
    Get,
}

impl Op {
    /// Whether it changes the key.
    pub(crate) const fn is_write(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was carried out, and acknowledged.
    Written,
    /// The comparison did not hold.
    Differs,
    /// This was read.
    Found(Option<Vec<u8>>),
    /// Nothing was done.
    NotDone,
    /// Nobody knows.
    Unknown,
}

/// How many operations of a hundred are what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mix {
    /// So many are puts.
    pub(crate) puts: u8,
    /// So many are compare-and-swaps; the others are reads.
    pub(crate) swaps: u8,
}

/// A key, and the values of which it must have one; zero stands for a key that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Promise {
    /// The key.
    pub(crate) key: String,
    /// The values.
    pub(crate) values: Vec<u64>,
}

impl Promise {
    /// What is wrong, if this is what was found.
    pub(crate) fn fault(&self, found: Option<&[u8]>) -> Option<String> {
        if self.values.iter().any(|&value| is(value, found)) {
            return None;
        }
        let expected: Vec<String> = self.values.iter().map(|&value| shown(number(value).as_deref())).collect();
        Some(format!("{} is {}; {} was acknowledged", self.key, shown(found), expected.join(" or ")))
    }
}

/// A key in the hand of one client.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    name: String,
    generation: u32,
    key: String,
    acknowledged: u64,
    last: u64,
}

impl Slot {
    /// A slot whose keys begin with this.
    pub(crate) fn new(name: String) -> Self {
        Self { key: format!("{name}.0"), name, generation: 0, acknowledged: 0, last: 0 }
    }

    /// The key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// What to do next, given a number that was drawn by lot.
    pub(crate) fn next(&self, mix: Mix, drawn: u64) -> Op {
        let drawn = drawn % 100;
        let to = self.last + 1;
        if self.acknowledged == 0 || drawn < u64::from(mix.puts) {
            Op::Put(to)
        } else if drawn < u64::from(mix.puts) + u64::from(mix.swaps) {
            Op::Swap(self.acknowledged, to)
        } else {
            Op::Get
        }
    }

    /// Takes in how an operation ended. If that makes a key one that is not written any more, says what must be there from now on.
    ///
    /// # Errors
    /// If it cannot have ended so, in a sentence.
    pub(crate) fn ended(&mut self, op: Op, end: &End) -> Result<Option<Promise>, String> {
        let wanted = match op {
            Op::Put(to) | Op::Swap(_, to) => Some(to),
            Op::Get => None,
        };
        match (end, wanted) {
            (End::Written, Some(to)) => (self.acknowledged, self.last) = (to, to),
            (End::Differs, Some(_)) => {
                // Nobody else writes it: something that was acknowledged is gone, or something was carried out twice.
                let kept = self.retire(Vec::new());
                return Err(format!("{} had not the value {}, which was acknowledged", kept.key, self.acknowledged_before(op)));
            }
            (End::Unknown, Some(to)) => return Ok(Some(self.retire(vec![to]))),
            (End::Found(found), None) => {
                if let Some(fault) = self.promise().fault(found.as_deref()) {
                    return Err(format!("a read was wrong: {fault}"));
                }
            }
            (End::NotDone, _) | (End::Unknown, None) => {}
            (end, _) => return Err(format!("{} answered {op:?} with {end:?}", self.key)),
        }
        Ok(None)
    }

    /// What must be there now.
    pub(crate) fn promise(&self) -> Promise {
        Promise { key: self.key.clone(), values: vec![self.acknowledged] }
    }

    /// Leaves a key that may also have other values, and begins another.
    fn retire(&mut self, others: Vec<u64>) -> Promise {
        let mut promise = self.promise();
        promise.values.extend(others);
        self.generation += 1;
        self.key = format!("{}.{}", self.name, self.generation);
        (self.acknowledged, self.last) = (0, 0);
        promise
    }

    fn acknowledged_before(&self, op: Op) -> u64 {
        match op {
            Op::Swap(from, _) => from,
            Op::Put(_) | Op::Get => self.acknowledged,
        }
    }
}

/// A value as it is written.
pub(crate) fn number(value: u64) -> Option<Vec<u8>> {
    (value > 0).then(|| value.to_string().into_bytes())
}

fn is(value: u64, found: Option<&[u8]>) -> bool {
    number(value).as_deref() == found
}

fn shown(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "not there".into(), |bytes| format!("{:?}", String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: Mix = Mix { puts: 40, swaps: 30 };

    #[test]
    fn the_mix_is_what_it_says_once_there_is_something_to_read() {
        let mut slot = Slot::new("a".into());
        assert_eq!(slot.next(EVEN, 99), Op::Put(1));
        slot.ended(Op::Put(1), &End::Written).unwrap();
        assert_eq!(
            [0, 39, 40, 69, 70, 199].map(|drawn| slot.next(EVEN, drawn)),
            [Op::Put(2), Op::Put(2), Op::Swap(1, 2), Op::Swap(1, 2), Op::Get, Op::Get]
        );
    }

    #[test]
    fn a_read_must_find_what_was_acknowledged_and_nothing_older() {
        let mut slot = Slot::new("a".into());
        slot.ended(Op::Put(1), &End::Written).unwrap();
        slot.ended(Op::Swap(1, 2), &End::Written).unwrap();
        slot.ended(Op::Get, &End::Found(Some(b"2".to_vec()))).unwrap();
        let stale = slot.ended(Op::Get, &End::Found(Some(b"1".to_vec()))).unwrap_err();
        assert_eq!(stale, "a read was wrong: a.0 is \"1\"; \"2\" was acknowledged");
        let lost = slot.ended(Op::Get, &End::Found(None)).unwrap_err();
        assert_eq!(lost, "a read was wrong: a.0 is not there; \"2\" was acknowledged");
    }

    #[test]
    fn what_was_not_done_is_tried_with_the_same_value_again() {
        let mut slot = Slot::new("a".into());
        slot.ended(Op::Put(1), &End::NotDone).unwrap();
        assert_eq!(slot.next(EVEN, 0), Op::Put(1));
        assert_eq!(slot.promise().fault(None), None);
    }

    #[test]
    fn a_write_that_nobody_knows_of_leaves_two_values_possible_and_the_key_behind() {
        let mut slot = Slot::new("a".into());
        slot.ended(Op::Put(1), &End::Written).unwrap();
        let promise = slot.ended(Op::Put(2), &End::Unknown).unwrap().unwrap();
        assert_eq!(promise.values, [1, 2]);
        assert_eq!([Some(&b"1"[..]), Some(b"2")].map(|found| promise.fault(found)), [None, None]);
        assert!(promise.fault(None).is_some() && promise.fault(Some(b"3")).is_some());
        assert_eq!((slot.key(), slot.next(EVEN, 99)), ("a.1", Op::Put(1)));
        let first = slot.ended(Op::Put(1), &End::Unknown).unwrap().unwrap();
        assert_eq!([None, Some(&b"1"[..])].map(|found| first.fault(found)), [None, None]);
    }

    #[test]
    fn a_swap_that_finds_something_else_is_a_fault() {
        let mut slot = Slot::new("a".into());
        slot.ended(Op::Put(1), &End::Written).unwrap();
        assert!(slot.ended(Op::Swap(1, 2), &End::Differs).unwrap_err().contains("a.0 had not the value 1"));
        assert!(slot.ended(Op::Put(1), &End::Found(None)).unwrap_err().contains("answered"));
    }
}
