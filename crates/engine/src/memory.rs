//! How much memory the process has used and the machine has left, as Linux tells it. On other systems
//! the answers are 0 and `None`.

use std::fs;

/// Largest resident size of this process so far; 0 where the system does not say.
pub fn peak_rss_bytes() -> u64 {
    kilobytes("/proc/self/status", "VmHWM:").unwrap_or(0)
}

/// Resident size of this process now; 0 where the system does not say.
pub fn rss_bytes() -> u64 {
    kilobytes("/proc/self/status", "VmRSS:").unwrap_or(0)
}

/// Memory that could be taken without swapping.
pub fn available_bytes() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemAvailable:")
}

fn kilobytes(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_both() {
        // In this order: other tests of the process take memory meanwhile.
        let now = rss_bytes();
        let peak = peak_rss_bytes();
        assert!(now > 0 && peak >= now, "{now} now, {peak} at most");
        assert!(available_bytes().is_some_and(|bytes| bytes > 0));
    }
}
