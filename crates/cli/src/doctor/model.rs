//! Can this model be loaded here? Each question has its own line, so that a person sees what is
//! missing and not only that something is. Headers are read, weights are not.

use std::path::Path;

use engine::{EngineOptions, ModelSource};
use formats::Checkpoint;
use model::config::{Config, GenerationConfig, PreprocessorConfig};
use placement::Machine;
use serde::Serialize;

use super::tensors;
use crate::quantity::{bytes, parameters};

/// Everything found out about a model.
#[derive(Debug, Serialize)]
pub struct ModelFindings {
    /// The directory, or that it is the embedded model.
    pub source: String,
    /// Every question asked, in order.
    pub checks: Vec<Check>,
    /// Parameters, where the config could be read.
    pub parameters: Option<u64>,
    /// Memory to load it and hold one whole conversation, where that is known.
    pub needs_bytes: Option<u64>,
}

/// One question and its answer.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: &'static str,
    /// It is as it should be.
    pub good: bool,
    /// What was found; where it is not good, what to do.
    pub found: String,
}

impl ModelFindings {
    /// Nothing stands in the way.
    pub fn good(&self) -> bool {
        self.checks.iter().all(|check| check.good)
    }

    /// What would go where.
    fn place(
        &mut self,
        checkpoint: &Checkpoint,
        config: &Config,
        options: &EngineOptions,
        available: u64,
    ) {
        let wide = engine::stored_wide(checkpoint, config);
        let places = match engine::places(config, wide, options, &Machine) {
            Ok(places) => places,
            Err(error) => return self.note("GPU", Err(said(&error))),
        };
        for line in places.notes {
            self.note("GPU", Ok(line));
        }
        if let Some(placement) = places.placement {
            let bytes = placement.shares.iter().map(|share| share.bytes.total());
            self.needs_bytes = Some(bytes.sum());
            let (tokens, held) = (placement.context_tokens, placement.precision.name());
            self.note(
                "memory",
                Ok(format!("{held}, conversations of {tokens} tokens")),
            );
            for row in placement.rows("processor") {
                let words = format!("{}: {}; {}", row.device, row.holds, row.memory);
                self.note("goes to", Ok(words));
            }
            return;
        }
        let fit = engine::fit(config, options, available);
        self.needs_bytes = fit.as_ref().ok().map(|fit| fit.needs_bytes);
        let found = fit.map(|fit| {
            let (precision, needs) = (fit.precision.name(), bytes(fit.needs_bytes));
            let left = bytes(available);
            format!("needs about {needs} in {precision}, {left} are available")
        });
        self.note("memory", found.map_err(|error| said(&error)));
    }

    fn note(&mut self, what: &'static str, found: Result<String, String>) {
        let good = found.is_ok();
        let found = found.unwrap_or_else(|fault| fault);
        self.checks.push(Check { what, good, found });
    }
}

/// Looks at a model and at whether it fits into the memory that is left.
pub fn look(source: &ModelSource, options: &EngineOptions, available: u64) -> ModelFindings {
    let mut findings = ModelFindings {
        source: match source {
            ModelSource::Directory(path) => path.display().to_string(),
            ModelSource::Embedded { name, .. } => format!("{name}, inside this program"),
            ModelSource::Random { .. } => "random values".to_owned(),
        },
        checks: Vec::new(),
        parameters: None,
        needs_bytes: None,
    };
    let checkpoint = match open(source) {
        Ok(checkpoint) => checkpoint,
        Err(fault) => {
            findings.note("files", Err(fault));
            return findings;
        }
    };
    let config = Config::of(&checkpoint).map_err(|error| said(&error));
    findings.note(
        "config.json",
        config.as_ref().map(describe).map_err(String::clone),
    );
    if let Ok(config) = &config {
        findings.parameters = Some(config.parameters());
        findings.note("weights", weights(&checkpoint, config));
    }
    findings.note("tokenizer.json", present(&checkpoint, "tokenizer.json"));
    findings.note(
        "preprocessor_config.json",
        PreprocessorConfig::of(&checkpoint)
            .map(|config| {
                format!(
                    "pictures of {} to {} pixels",
                    config.min_pixels, config.max_pixels
                )
            })
            .map_err(|error| said(&error)),
    );
    findings.note(
        "generation_config.json",
        GenerationConfig::of(&checkpoint)
            .map(|config| format!("end tokens {:?}", config.eos_token_ids))
            .map_err(|error| said(&error)),
    );
    if let Ok(config) = &config {
        findings.place(&checkpoint, config, options, available);
    }
    findings
}

fn open(source: &ModelSource) -> Result<Checkpoint, String> {
    match source {
        ModelSource::Directory(path) => Checkpoint::open(Path::new(path)),
        ModelSource::Embedded { name, files } => Checkpoint::from_static(name, files),
        ModelSource::Random { .. } => return Err("random values have no files".to_owned()),
    }
    .map_err(|error| said(&error))
}

fn describe(config: &Config) -> String {
    format!(
        "Qwen3-VL, {}, {} text layers, {} vision blocks",
        parameters(config.parameters()),
        config.text.num_hidden_layers,
        config.vision.depth
    )
}

/// Every tensor that the config implies is there in its shape.
fn weights(checkpoint: &Checkpoint, config: &Config) -> Result<String, String> {
    let expected = tensors::expected(config);
    let faults: Vec<String> = expected
        .iter()
        .filter_map(|(name, shape)| checkpoint.tensor(name, shape).err())
        .map(|error| said(&error))
        .collect();
    match faults.as_slice() {
        [] => Ok(format!(
            "{} tensors, {}",
            expected.len(),
            bytes(checkpoint.total_bytes())
        )),
        [only] => Err(only.clone()),
        [first, rest @ ..] => Err(format!("{first} (and {} more such tensors)", rest.len())),
    }
}

fn present(checkpoint: &Checkpoint, name: &str) -> Result<String, String> {
    match checkpoint.file(name) {
        Ok(Some(file)) => Ok(bytes(file.len() as u64)),
        Ok(None) => Err("is missing; download it from where the weights came from".to_owned()),
        Err(error) => Err(said(&error)),
    }
}

fn said(error: &dyn std::error::Error) -> String {
    crate::failure::sentence(error)
}

#[cfg(test)]
mod tests {
    use engine::DeviceChoice;

    use super::*;
    use crate::demo;

    fn findings(source: &ModelSource, available: u64) -> ModelFindings {
        // What other machines have does not matter here.
        let options = EngineOptions {
            device: DeviceChoice::Cpu,
            ..EngineOptions::default()
        };
        look(source, &options, available)
    }

    /// A model directory made of the golden checkpoint, to be damaged.
    fn directory() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/checkpoints/tiny-b");
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
        }
        directory
    }

    fn fault(directory: &Path, what: &str) -> String {
        let findings = findings(&ModelSource::Directory(directory.into()), u64::MAX);
        assert!(!findings.good(), "{findings:?}");
        let check = findings
            .checks
            .iter()
            .find(|check| check.what == what)
            .unwrap();
        assert!(!check.good, "{check:?}");
        check.found.clone()
    }

    #[test]
    fn the_embedded_model_is_whole() {
        let findings = findings(&demo::source(), u64::MAX);
        assert!(findings.good(), "{findings:?}");
        assert!(findings.needs_bytes.unwrap() > 11_000_000);
    }

    #[test]
    fn a_whole_directory_is_good() {
        let directory = directory();
        let source = ModelSource::Directory(directory.path().into());
        assert!(findings(&source, u64::MAX).good());
    }

    #[test]
    fn a_missing_shard_is_named() {
        let directory = directory();
        std::fs::remove_file(directory.path().join("model-00002-of-00002.safetensors")).unwrap();
        let text = fault(directory.path(), "files");
        assert!(text.contains("model-00002-of-00002.safetensors"), "{text}");
    }

    #[test]
    fn a_missing_tokenizer_is_named() {
        let directory = directory();
        std::fs::remove_file(directory.path().join("tokenizer.json")).unwrap();
        assert!(fault(directory.path(), "tokenizer.json").contains("missing"));
    }

    #[test]
    fn a_config_of_another_model_says_which_tensors_do_not_fit() {
        let directory = directory();
        let path = directory.path().join("config.json");
        let config = std::fs::read_to_string(&path).unwrap();
        let wider = config.replace("\"intermediate_size\": 208", "\"intermediate_size\": 224");
        assert_ne!(config, wider);
        std::fs::write(&path, wider).unwrap();
        let text = fault(directory.path(), "weights");
        assert!(
            text.contains("208") && text.contains("224") && text.contains("more such"),
            "{text}"
        );
    }

    #[test]
    fn too_little_memory_is_said_before_loading() {
        let findings = findings(&demo::source(), 1_000_000);
        let memory = findings
            .checks
            .iter()
            .find(|check| check.what == "memory")
            .unwrap();
        assert!(
            !memory.good && memory.found.contains("1.0 MB are available"),
            "{memory:?}"
        );
    }
}
