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

/// Memory that could be taken without swapping; in a container, no more than it allows.
pub fn available_bytes() -> Option<u64> {
    let machine = kilobytes("/proc/meminfo", "MemAvailable:");
    match (machine, container_bytes()) {
        (Some(machine), Some(container)) => Some(machine.min(container)),
        (machine, container) => machine.or(container),
    }
}

/// What the limit of the control group leaves. Its own file pages count as used there but can be dropped.
fn container_bytes() -> Option<u64> {
    let number = |file: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?;
        text.trim().parse().ok()
    };
    // "max" is no number: then there is no limit.
    let limit = number("memory.max")?;
    let used = number("memory.current")?;
    let statistics = fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    let file_pages = statistics
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file ")?.parse().ok())
        .unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(file_pages)))
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
