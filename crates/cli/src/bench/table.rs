//! The figures of a measurement as people read them.

use engine::EngineInfo;

use super::measure::{Range, Spread};
use crate::quantity;
use crate::reply::Reply;

/// The figures as people read them.
pub fn of(reply: &Reply, spread: &Spread, info: &EngineInfo, repeat: u32) -> String {
    let usage = reply.finished.usage;
    let timings = reply.finished.timings;
    let mut text = format!(
        "{} ({}), {}, {}, {}\n\
         prompt {} tokens, {} of them picture, {} from the cache; answer {} tokens\n\n",
        info.model,
        quantity::parameters(info.parameters),
        info.device,
        info.tier,
        info.precision,
        usage.prompt_tokens,
        usage.image_tokens,
        usage.cached_tokens,
        usage.completion_tokens,
    );
    let mut row = |name: &str, median: f64, range: Range, unit: &str| {
        let digits = usize::from(unit != "ms") + 1;
        text.push_str(&format!(
            "{name:<12} {median:>10.digits$} {unit:<8} ({:.digits$} to {:.digits$})\n",
            range.min, range.max
        ));
    };
    row("load", timings.load_ms, spread.load_ms, "ms");
    row("picture", timings.image_ms, spread.image_ms, "ms");
    row("vision", timings.vision_ms, spread.vision_ms, "ms");
    row("prefill", timings.prefill_ms, spread.prefill_ms, "ms");
    row("first token", timings.ttft_ms, spread.ttft_ms, "ms");
    row("decode", timings.decode_ms, spread.decode_ms, "ms");
    row(
        "decode",
        timings.decode_tokens_per_s,
        spread.decode_tokens_per_s,
        "tokens/s",
    );
    let peak = quantity::bytes(reply.finished.memory.peak_rss_bytes);
    text.push_str(&format!(
        "{:<12} {peak:>13} at its peak\n\n{}\n",
        "memory",
        match repeat {
            1 => "1 run".to_owned(),
            many => format!("medians of {many} runs (smallest to largest)"),
        }
    ));
    text
}
