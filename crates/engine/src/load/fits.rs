//! Whether a model fits into memory, known before a weight is touched, and which precision to choose by it.

use cpu::Precision as CpuPrecision;
use model::config::Config;
use ops::Sensitivity;

use super::{EngineOptions, LoadError, Precision};

/// A model below this is small: its weights are used as stored, whatever memory there is.
const SMALL_BYTES: u64 = 1 << 30;
/// What an answer needs beside weights and keys and values: activations of a large picture and its prompt, pictures
/// that are kept.
const WORKING_BYTES: u64 = 1 << 29;
/// A conversation gets as much room as memory allows, but never less than this unless told otherwise.
const LEAST_CONTEXT_TOKENS: usize = 2048;

/// What a model is run in, and the memory that takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// As asked for, or chosen.
    pub precision: Precision,
    /// Weights, keys and values of one conversation, and what an answer needs beside them.
    pub needs_bytes: u64,
}

/// The precision to run in, and whether that fits into `available` bytes. `Auto` takes 8 bits where they fit, else
/// 4: 8 bits read as well as the released weights, and words come twice as fast.
pub fn fit(config: &Config, options: &EngineOptions, available: u64) -> Result<Fit, LoadError> {
    let small = is_small(config);
    let working = if small { 0 } else { WORKING_BYTES };
    let tokens = options
        .context_tokens
        .unwrap_or(LEAST_CONTEXT_TOKENS)
        .min(config.text.max_position_embeddings);
    let needs = |precision| {
        let cache = tokens.saturating_mul(super::room::token_bytes(config, precision)) as u64;
        weight_bytes(config, precision).saturating_add(cache) + working
    };
    let fits = |precision: &Precision| needs(*precision) <= available;
    let precision = match options.precision {
        Precision::Auto if small => Precision::Bf16,
        Precision::Auto if fits(&Precision::Q8) => Precision::Q8,
        Precision::Auto => Precision::Q4,
        asked => asked,
    };
    let needs_bytes = needs(precision);
    if fits(&precision) {
        return Ok(Fit {
            precision,
            needs_bytes,
        });
    }
    let smaller = [Precision::Bf16, Precision::Q8, Precision::Q4]
        .into_iter()
        .find(|other| needs(*other) < needs_bytes && fits(other));
    Err(LoadError::Memory {
        precision: precision.name(),
        needs: needs_bytes,
        available,
        advice: smaller.map_or_else(
            || "close other programs, lower --context-tokens or take a smaller model".to_owned(),
            |precision| format!("try --precision {}", precision.name()),
        ),
    })
}

/// Whether a model's weights are used as stored, whatever memory there is.
pub(super) fn is_small(config: &Config) -> bool {
    weight_bytes(config, Precision::Bf16) < SMALL_BYTES
}

/// Bytes that the weights of a model take in memory.
pub(super) fn weight_bytes(config: &Config, precision: Precision) -> u64 {
    bytes_of(config, precision, |_| true)
}

/// Bytes of weights that every token of an answer reads: those of the text tower, but for an embedding table that
/// is not the head.
pub(super) fn token_bytes(config: &Config, precision: Precision) -> u64 {
    bytes_of(config, precision, |part| part == Part::EveryToken)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    EveryToken,
    Embedding,
    Vision,
}

fn bytes_of(config: &Config, precision: Precision, counts: impl Fn(Part) -> bool) -> u64 {
    let text = &config.text;
    let embedding = (text.vocab_size * text.hidden_size) as u64;
    let value = (text.key_value_size() * text.hidden_size * text.num_hidden_layers) as u64;
    let edge = text.num_hidden_layers / 8 * 2;
    let down = (text.intermediate_size * text.hidden_size * edge) as u64;
    let apart = if config.tie_word_embeddings {
        0
    } else {
        embedding
    };
    let (high, vision) = (embedding + value + down, config.vision.parameters());
    let ordinary = config.parameters().saturating_sub(high + vision + apart);
    let precision = match precision {
        Precision::F32 => CpuPrecision::F32,
        Precision::Bf16 => CpuPrecision::Bf16,
        Precision::Q8 => CpuPrecision::Q8,
        Precision::Auto | Precision::Q4 => CpuPrecision::Q4,
    };
    let parts = [
        (Part::EveryToken, ordinary, Sensitivity::Ordinary),
        (Part::EveryToken, high, Sensitivity::High),
        (Part::Embedding, apart, Sensitivity::High),
        (Part::Vision, vision, Sensitivity::Vision),
    ];
    let bits: f64 = parts
        .into_iter()
        .filter(|(part, _, _)| counts(*part))
        .map(|(_, count, sensitivity)| count as f64 * precision.bits_per_weight(sensitivity))
        .sum();
    (bits / 8.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn chosen(precision: Precision, available: u64) -> Result<Precision, String> {
        let options = EngineOptions {
            precision,
            ..EngineOptions::default()
        };
        fit(&Config::qwen3_vl_4b(), &options, available)
            .map(|fit| fit.precision)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn auto_takes_eight_bits_then_four_by_the_memory_there_is() {
        assert_eq!(chosen(Precision::Auto, 24 * GB), Ok(Precision::Q8));
        assert_eq!(chosen(Precision::Auto, 5 * GB), Ok(Precision::Q4));
        let refusal = chosen(Precision::Auto, 2 * GB).expect_err("too little");
        assert!(refusal.contains("smaller model"), "{refusal}");
    }

    #[test]
    fn what_cannot_fit_is_refused_with_the_figures_and_what_would() {
        let refusal = chosen(Precision::Bf16, 6_100_000_000).expect_err("too little");
        assert!(
            refusal.contains("9.7 GB") && refusal.contains("6.1 GB"),
            "{refusal}"
        );
        assert!(refusal.contains("--precision q8"), "{refusal}");
        assert_eq!(chosen(Precision::Bf16, 24 * GB), Ok(Precision::Bf16));
    }

    #[test]
    fn the_weights_of_the_4b_model_take_what_its_files_and_formats_say() {
        let config = Config::qwen3_vl_4b();
        let bytes = |precision| weight_bytes(&config, precision) as f64 / 1e9;
        assert!((bytes(Precision::Bf16) - 8.88).abs() < 0.02);
        assert!((4.4..4.6).contains(&bytes(Precision::Q8)));
        assert!((2.9..3.2).contains(&bytes(Precision::Q4)));
    }
}
