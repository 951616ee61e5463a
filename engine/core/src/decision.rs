//! What comes out of a round: who supports what, what is decided, what was rejected and why, and who equivocated.

use crate::hash::Digest;
use crate::ids::{Voter, Weight};
use crate::round::Rejection;
use crate::vote::Kind;

/// A set of voters: one bit each, as the aggregate stage keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Voters {
    words: Vec<u64>,
}

impl Voters {
    /// One bit for each voter that sixteen bits can name.
    const MAX_WORDS: usize = (1 << 16) / 64;

    /// The set whose bits these are, the lowest bit of the first word first. Bits beyond the last voter that a vote can name are none.
    #[must_use]
    pub fn from_words(words: &[u64]) -> Self {
        let words = &words[..words.len().min(Self::MAX_WORDS)];
        let used = words.iter().rposition(|&word| word != 0).map_or(0, |at| at + 1);
        Self { words: words[..used].to_vec() }
    }

    /// Whether `voter` is in the set.
    #[must_use]
    pub fn contains(&self, voter: Voter) -> bool {
        self.words.get(usize::from(voter.0) / 64).is_some_and(|word| word >> (voter.0 % 64) & 1 == 1)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The voters, by rising index.
    pub fn iter(&self) -> impl Iterator<Item = Voter> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(Voter((at * 64) as u16 + bit as u16))
            })
        })
    }
}

/// How a candidate stands, for one kind of vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The kind.
    pub kind: Kind,
    /// The candidate's row.
    pub row: u8,
    /// The candidate.
    pub candidate: Digest,
    /// Who voted for it. In a poll, without those who gave two answers.
    pub supporters: Voters,
    /// What they weigh, in each half.
    pub weight: [Weight; 2],
    /// Whether that decides.
    pub decided: bool,
}

/// How many votes were rejected, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejections(pub [u64; Rejection::ALL.len()]);

impl Rejections {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Reasons with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Rejection, u64)> {
        Rejection::ALL.into_iter().zip(self.0)
    }
}

impl std::ops::Index<Rejection> for Rejections {
    type Output = u64;

    fn index(&self, reason: Rejection) -> &u64 {
        &self.0[reason as usize]
    }
}

impl std::ops::AddAssign for Rejections {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// Everything that can be said of a round: a function of the set of votes that it was given, in whatever order and pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Every open row, for every kind. Empty in cumulative rounds.
    pub standings: Vec<Standing>,
    /// In cumulative rounds, the highest index that a quorum has reached.
    pub reached: Option<u64>,
    /// How many votes were valid, repetitions included.
    pub valid: u64,
    /// How many of them said what their voter had said before.
    pub repeated: u64,
    /// What was rejected.
    pub rejections: Rejections,
    /// Who named two candidates of one kind, for each kind where someone did.
    pub equivocators: Vec<(Kind, Voters)>,
    /// Kinds in which two candidates were decided although any two quorums share a member: more is faulty than the protocol tolerates.
    pub conflicts: Vec<Kind>,
}

impl Outcome {
    /// The decided standings.
    pub fn decided(&self) -> impl Iterator<Item = &Standing> {
        self.standings.iter().filter(|standing| standing.decided)
    }

    /// How a candidate stands.
    #[must_use]
    pub fn standing(&self, kind: Kind, candidate: &Digest) -> Option<&Standing> {
        self.standings.iter().find(|standing| standing.kind == kind && standing.candidate == *candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_voters_lists_them_by_rising_index() {
        let voters = Voters::from_words(&[1 << 63 | 1, 0, 1 << 5, 0]);
        assert_eq!(voters.iter().collect::<Vec<_>>(), [Voter(0), Voter(63), Voter(133)]);
        assert_eq!(voters.len(), 3);
        assert!(voters.contains(Voter(133)) && !voters.contains(Voter(134)) && !voters.contains(Voter(u16::MAX)));
        assert_eq!(voters, Voters::from_words(&[1 << 63 | 1, 0, 1 << 5]));
    }
}
