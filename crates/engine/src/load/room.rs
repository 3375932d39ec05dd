//! How much is computed at once, and how much is kept.

use model::config::Config;

use super::{EngineOptions, Precision};
use crate::runner::{FEATURES_BYTES, FIRST_PATCHES, PAGE_TOKENS, Room};
use crate::scheduler::Bounds;

/// Most rows of a step: enough to use a weight well. Prompts are longer, and time allows fewer on most machines.
const STEP_ROWS: usize = 512;
/// Whatever is asked for: each running question may want the logits of a row in the same step.
const MOST_RUNNING: usize = 64;
/// Rows of logits beyond one per running question, for guesses.
const MORE_LOGITS: usize = 16;

/// Room on the processor, by the memory that is left once the weights are there.
pub(super) fn of_processor(config: &Config, options: &EngineOptions) -> (usize, Room) {
    let context_tokens = context_tokens(config, options);
    let room = Room {
        pages: pages(config, options, context_tokens),
        patches: FIRST_PATCHES,
        features: FEATURES_BYTES,
    };
    (context_tokens, room)
}

/// Tokens of context: what was asked for, within what the model allows. Unasked, as many as fit into half
/// of the memory that is left, from 2,048 to 16,384.
fn context_tokens(config: &Config, options: &EngineOptions) -> usize {
    let text = &config.text;
    let asked = options.context_tokens.unwrap_or_else(|| {
        let room = crate::memory::available_bytes().map_or(usize::MAX, |bytes| bytes as usize / 2);
        let fits = room / token_bytes(config, options.precision);
        // A power of two, so that the figure is the same from one start to the next.
        let steady = if fits.is_power_of_two() {
            fits
        } else {
            fits.next_power_of_two() / 2
        };
        steady.clamp(2048, 16_384)
    });
    asked.min(text.max_position_embeddings)
}

/// How much is computed at once.
pub(super) fn bounds(options: &EngineOptions) -> Bounds {
    let running = options.most_running.clamp(1, MOST_RUNNING);
    Bounds {
        running,
        rows: STEP_ROWS,
        logits: running + MORE_LOGITS,
    }
}

/// Pages for keys and values: for at least one whole context, by default for four if a quarter of the memory
/// that is left has room for them. Memory is only taken as pages are used.
fn pages(config: &Config, options: &EngineOptions, context_tokens: usize) -> usize {
    let wanted = options.cache_tokens.unwrap_or_else(|| {
        let room = crate::memory::available_bytes().map_or(u64::MAX, |bytes| bytes / 4);
        let room =
            usize::try_from(room).unwrap_or(usize::MAX) / token_bytes(config, options.precision);
        room.min(context_tokens.saturating_mul(4))
    });
    // At least the page that the warm-up writes to.
    let tokens = wanted.max(context_tokens).max(1);
    tokens.div_ceil(PAGE_TOKENS).min(u32::MAX as usize)
}

/// Bytes of one token's keys and values.
pub(super) fn token_bytes(config: &Config, precision: Precision) -> usize {
    let text = &config.text;
    let value = match precision {
        Precision::F32 => 4,
        _ => 2,
    };
    let bytes = 2 * value * text.key_value_size() * text.num_hidden_layers;
    bytes.max(1)
}
