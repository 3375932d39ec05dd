//! What can be said of a model before it is loaded, and the reading of
//! pictures, which needs its configuration but none of its weights.

use cpu::tier::Tier;
use desk::{DeviceFacts, EngineLimits, ModelFacts, PictureFacts};
use engine::{EngineOptions, ModelSource};
use formats::Checkpoint;
use model::config::{Config, PreprocessorConfig};
use model::picture::{PictureError, PictureFormat, PictureLimits, Preprocessor, decode};

use super::words::count;
use crate::doctor::machine::Machine;
use crate::failure::{Failure, Outcome};

/// The context unless the options or the model say less.
const CONTEXT_TOKENS: usize = 16_384;
/// The longest answer a setting can ask for; desks answer in sentences.
const ANSWER_TOKENS: usize = 4096;

/// What is known from the model's small files.
pub struct About {
    pub model: ModelFacts,
    pub device: DeviceFacts,
    pub limits: EngineLimits,
    pub memory_bytes: u64,
    pub(super) preprocessor: Preprocessor,
    pub(super) picture_limits: PictureLimits,
}

impl About {
    /// Reads the model's configuration and the machine's.
    pub fn of(source: &ModelSource, options: &EngineOptions) -> Outcome<Self> {
        let (checkpoint, demo) = match source {
            ModelSource::Directory(path) => (Checkpoint::open(path)?, false),
            ModelSource::Embedded { name, files } => (Checkpoint::from_static(name, files)?, true),
            ModelSource::Random { .. } => {
                let text = "random weights answer nothing; name a model with --model".to_owned();
                return Err(Failure::Usage(text));
            }
        };
        let config = Config::of(&checkpoint)?;
        let reading = PreprocessorConfig::of(&checkpoint)?;
        let preprocessor = Preprocessor::new(&reading, &config.vision, options.image_tokens)?;
        let machine = Machine::look()?;
        let context = options.context_tokens.unwrap_or(CONTEXT_TOKENS);
        let context = context.min(config.text.max_position_embeddings);
        Ok(Self {
            model: ModelFacts {
                name: checkpoint.name().to_owned(),
                demo,
                precision: options.precision.name().to_owned(),
                parameters: config.parameters(),
            },
            device: DeviceFacts {
                name: device_name(&machine.processor),
                threads: count(options.threads.unwrap_or(machine.threads_allowed)),
                tier: Tier::from_environment()?.name().to_owned(),
            },
            limits: limits(options.image_tokens, context),
            memory_bytes: machine.memory_total_bytes,
            preprocessor,
            picture_limits: PictureLimits::default(),
        })
    }

    /// Decodes a picture and says what it is and costs.
    pub fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, PictureError> {
        let picture = decode(bytes, &self.picture_limits)?;
        let tokens = self.preprocessor.tokens(picture.width, picture.height)?;
        Ok(PictureFacts {
            media_type: picture.format.media_type().to_owned(),
            width: picture.width,
            height: picture.height,
            tokens: count(tokens),
        })
    }

    /// Tokens that a picture of this size takes where it may take at most `image_tokens`.
    pub fn picture_tokens(&self, width: u32, height: u32, image_tokens: u32) -> u32 {
        let preprocessor = self.preprocessor.at_most(image_tokens as usize);
        preprocessor
            .tokens(width, height)
            .map_or(image_tokens, count)
    }
}

/// A processor's name without what says nothing: trade marks, its clock, the word processor.
fn device_name(processor: &str) -> String {
    let named = processor.split(" @ ").next().unwrap_or_default();
    let plain = named
        .replace("(R)", "")
        .replace("(TM)", "")
        .replace("(tm)", "");
    let words = plain.split_whitespace();
    let words: Vec<_> = words
        .filter(|word| !matches!(*word, "Processor" | "CPU"))
        .collect();
    match words.as_slice() {
        [] => "CPU".to_owned(),
        words => words.join(" "),
    }
}

/// The media types that can be read.
pub fn picture_types() -> Vec<String> {
    use PictureFormat::{Bmp, Gif, Jpeg, Png, WebP};
    let types = [Jpeg, Png, WebP, Gif, Bmp].map(PictureFormat::media_type);
    types.map(str::to_owned).to_vec()
}

/// What a question may hold, given the engine's own bounds.
pub fn limits(image_tokens: usize, context_tokens: usize) -> EngineLimits {
    EngineLimits {
        picture_types: picture_types(),
        image_tokens: count(image_tokens),
        // Half of the context at most, so that a question fits beside it.
        max_tokens: count((context_tokens / 2).clamp(1, ANSWER_TOKENS)),
        context_tokens: count(context_tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_called_what_people_call_it() {
        for (told, name) in [
            ("AMD EPYC 9B14", "AMD EPYC 9B14"),
            (
                "Intel(R) Core(TM) i7-9700 CPU @ 3.00GHz",
                "Intel Core i7-9700",
            ),
            (
                "AMD Ryzen 7 5800X 8-Core Processor",
                "AMD Ryzen 7 5800X 8-Core",
            ),
            ("", "CPU"),
        ] {
            assert_eq!(device_name(told), name);
        }
    }
}
