//! What is known of the process: its memory, its age, what was built. Looked up when somebody asks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::logging;

/// The process, from when this was made.
#[derive(Debug)]
pub(super) struct Process {
    begun: Instant,
    begun_unix: f64,
}

impl Default for Process {
    fn default() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { begun: Instant::now(), begun_unix: since_epoch.as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, unit: Unit, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, Some(&unit), gauge.metric_type())?)
        };
        if let Some(bytes) = resident_bytes() {
            gauge("process_resident_memory", "Memory that the process has in use", Unit::Bytes, bytes as f64)?;
        }
        gauge("process_start_time", "When the node began, since the Unix epoch", Unit::Seconds, self.begun_unix)?;
        gauge("process_uptime", "How long the node runs", Unit::Seconds, self.begun.elapsed().as_secs_f64())?;
        let dropped = ConstCounter::new(logging::dropped());
        let help = "Lines of the log that were dropped because they were not taken in time";
        dropped.encode(encoder.encode_descriptor("log_lines_dropped", help, None, dropped.metric_type())?)
    }
}

/// The memory that the process has in use, where the system says it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_this_process_is_known_and_grows_with_what_it_holds() {
        let before = super::resident_bytes().expect("on Linux it is known");
        let held = vec![1_u8; 64 << 20];
        let after = super::resident_bytes().expect("on Linux it is known");
        assert!(after >= before + (48 << 20), "{before} before and {after} after {} bytes more", held.len());
    }
}
