//! What a suite of tests has to say: whoever brings a part of their own runs the suite of that part, and reads one of these.

/// How a suite went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many cases were looked at.
    pub cases: u64,
    /// What was wrong, a sentence for each case that failed.
    pub failures: Vec<String>,
    /// What a reader should know although nothing is wrong.
    pub notes: Vec<String>,
}

impl Verdict {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Notes a case and what was wrong with it, if anything.
    pub fn case(&mut self, result: Result<(), String>) {
        self.cases += 1;
        if let Err(failure) = result {
            self.failures.push(failure);
        }
    }
}
