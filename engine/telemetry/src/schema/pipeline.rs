//! Topic `pipeline`: the work of counting.

use super::field::Text;
use super::record::record;

record! {
    /// The pipeline ran a batch.
    pub struct PipelineRun {
        /// Votes in the batch.
        pub votes: u64,
        /// Rounds that they were for.
        pub rounds: u64,
        /// How long it took.
        pub took_ns: u64,
        /// The backend that did the work.
        pub backend: Text,
    }
}
