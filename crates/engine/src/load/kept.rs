//! Packed weights of an earlier start, and keeping them for the next. Whatever goes wrong here costs time at the
//! next start and nothing else, so it becomes a line of the log.

use cpu::Cpu;
use formats::Checkpoint;
use formats::pack::{Opened, PackCache, PackKey};

use super::Precision;

/// Packing less than this takes no time worth a file.
const WORTH_BYTES: u64 = 1 << 29;

/// Lets `cpu` take the weights of `checkpoint` as an earlier start packed them, or keep them for the next.
/// Returns what is being done, in words.
pub(super) fn prepare(
    cpu: &Cpu,
    checkpoint: &Checkpoint,
    precision: Precision,
    bytes: u64,
) -> &'static str {
    const PLAIN: &str = "loading the weights";
    if bytes < WORTH_BYTES || precision == Precision::F32 {
        return PLAIN;
    }
    let Some(cache) = PackCache::of_user() else {
        return PLAIN;
    };
    let key = PackKey {
        content: cache.content_key(checkpoint).key,
        precision: precision.name().to_owned(),
        layout_version: cpu::LAYOUT_VERSION,
    };
    match cache.open(&key) {
        Ok(Opened::Ready(packed)) => {
            cpu.take_kept(packed);
            return "taking the packed weights of an earlier start";
        }
        Ok(Opened::Absent) => {}
        Ok(Opened::Dropped { path, reason }) => {
            tracing::warn!(path = %path.display(), %reason, "packed weights were damaged; packing them again");
        }
        Err(error) => {
            tracing::warn!(%error, "packed weights could not be read; packing them again")
        }
    }
    match cache.create(&key, bytes) {
        Ok(writer) => match cpu.keep_weights(writer) {
            Ok(()) => return "packing the weights; the next start will take them as they are",
            Err(error) => tracing::warn!(%error, "packed weights are not kept"),
        },
        Err(error) => tracing::warn!(%error, "packed weights are not kept"),
    }
    "packing the weights"
}

/// All weights are taken; waits until they are kept.
pub(super) fn finish(cpu: &Cpu) {
    if let Err(error) = cpu.finish_keeping() {
        tracing::warn!(%error, "packed weights are not kept");
    }
}
