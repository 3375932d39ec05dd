//! The small model inside the binary. It answers when no other model is named, so that a fresh
//! machine without a download can try everything; it reads generated labels and panels, no more.

use engine::ModelSource;

/// What it is called, in answers and on the page.
pub const NAME: &str = "lookdesk-demo";

const TOKENIZER_JSON: &[u8] = include_bytes!("../../../demo/checkpoint/tokenizer.json");

/// Weights are read in place, which needs their bytes aligned.
#[repr(C, align(64))]
struct Aligned<B: ?Sized>(B);

static WEIGHTS: &Aligned<[u8]> = &Aligned(*include_bytes!(
    "../../../demo/checkpoint/model.safetensors"
));

/// The files of a model directory.
static FILES: &[(&str, &[u8])] = &[
    (
        "config.json",
        include_bytes!("../../../demo/checkpoint/config.json"),
    ),
    (
        "generation_config.json",
        include_bytes!("../../../demo/checkpoint/generation_config.json"),
    ),
    (
        "preprocessor_config.json",
        include_bytes!("../../../demo/checkpoint/preprocessor_config.json"),
    ),
    ("tokenizer.json", TOKENIZER_JSON),
    ("model.safetensors", &WEIGHTS.0),
];

/// The embedded model as something the engine can load.
pub fn source() -> ModelSource {
    ModelSource::Embedded {
        name: NAME,
        files: FILES,
    }
}

/// Its tokenizer, which also serves models of random values.
pub fn tokenizer_json() -> &'static [u8] {
    TOKENIZER_JSON
}
