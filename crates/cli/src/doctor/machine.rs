//! What this process may use: processors, their instruction tiers, memory. Containers may allow less
//! than the machine has, so both are told.

use std::thread;

use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::quantity::bytes;

/// The machine as this process sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Name of the processor; empty where the system does not say.
    pub processor: String,
    /// `x86_64`, `aarch64`, ...
    pub architecture: &'static str,
    /// Logical processors of the machine.
    pub logical_processors: usize,
    /// Threads this process may run at once (affinity and container quotas counted).
    pub threads_allowed: usize,
    /// Memory of the machine, or of the container where that is less.
    pub memory_total_bytes: u64,
    /// Memory that can be had without swapping.
    pub memory_available_bytes: u64,
    /// Whether a container sets the limit.
    pub memory_limited: bool,
}

impl Machine {
    /// Looks.
    pub fn look() -> Result<Self, sysinfo::Error> {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(what)?;
        let logical_processors = system.cpus().len().max(1);
        let whole = system.total_memory();
        let (total, free) = system.cgroup_limits().map_or((whole, u64::MAX), |limits| {
            (limits.total_memory, limits.free_memory)
        });
        let memory_limited = total < whole;
        let available = system.available_memory();
        Ok(Self {
            processor: system
                .cpus()
                .first()
                .map_or("", |cpu| cpu.brand())
                .trim()
                .to_owned(),
            architecture: std::env::consts::ARCH,
            logical_processors,
            threads_allowed: thread::available_parallelism()
                .map_or(logical_processors, usize::from),
            memory_total_bytes: total.min(whole),
            memory_available_bytes: if memory_limited {
                available.min(free)
            } else {
                available
            },
            memory_limited,
        })
    }

    /// What was found, in lines of words.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let processor = match self.processor.as_str() {
            "" => self.architecture.to_owned(),
            name => format!("{name} ({})", self.architecture),
        };
        let threads = match self.threads_allowed {
            allowed if allowed < self.logical_processors => format!(
                "{allowed} of {}; affinity or a container quota allows no more",
                self.logical_processors
            ),
            allowed => format!("{allowed}"),
        };
        let limit = if self.memory_limited {
            " that this container allows"
        } else {
            ""
        };
        let memory = format!(
            "{} available of {}{limit}",
            bytes(self.memory_available_bytes),
            bytes(self.memory_total_bytes)
        );
        vec![
            ("processor", processor),
            ("threads", threads),
            ("memory", memory),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_threads_and_memory() {
        let machine = Machine::look().unwrap();
        assert!(
            (1..=machine.logical_processors).contains(&machine.threads_allowed),
            "{machine:?}"
        );
        assert!(machine.memory_total_bytes > 0, "{machine:?}");
        assert!(
            machine.memory_available_bytes <= machine.memory_total_bytes,
            "{machine:?}"
        );
    }

    #[test]
    fn a_limit_on_threads_is_explained() {
        let machine = Machine {
            logical_processors: 64,
            threads_allowed: 2,
            ..Machine::look().unwrap()
        };
        let lines = machine.lines();
        let (_, threads) = lines.iter().find(|(name, _)| *name == "threads").unwrap();
        assert!(threads.starts_with("2 of 64; "), "{threads}");
    }
}
