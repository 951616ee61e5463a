//! How much memory a measurement took: the highest resident set of the process since the measurement began.
//!
//! Linux keeps that figure and lets a process set it back. Elsewhere, and where that is forbidden, nothing is said: a peak that
//! includes what was measured before would be a wrong answer.

/// Watches from its creation on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peak {
    began: bool,
}

impl Peak {
    /// Sets the peak back to what is resident now.
    pub(crate) fn begin() -> Self {
        Self { began: cfg!(target_os = "linux") && std::fs::write("/proc/self/clear_refs", "5").is_ok() }
    }

    /// The peak since then, in bytes.
    pub(crate) fn bytes(self) -> Option<u64> {
        if !self.began {
            return None;
        }
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_covers_what_was_used_and_given_back() {
        let peak = Peak::begin();
        let Some(before) = peak.bytes() else { return };
        std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak.bytes().unwrap() >= before + (32 << 20));
    }
}
