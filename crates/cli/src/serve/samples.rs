//! The sample questions inside the program.
//!
//! `demo/samples/samples.json` names the pictures beside it and a question for
//! each in both languages.

use std::sync::Arc;

use desk::{Answerer, BothLanguages, Picture, Sample};
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::failure::sentence;

#[derive(RustEmbed)]
#[folder = "../../demo/samples"]
struct Files;

/// One entry of `samples.json`. Expected answers stand there too; they are for
/// tests of the model.
#[derive(Deserialize)]
struct Entry {
    file: Option<String>,
    #[serde(default)]
    files: Vec<String>,
    question_en: String,
    question_zh: String,
}

/// Why a sample cannot be offered.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("samples.json is missing")]
    NoList,
    #[error("samples.json is damaged")]
    List(#[from] serde_json::Error),
    #[error("the sample names no picture")]
    NoPicture,
    #[error("the sample picture {0} is missing")]
    NoFile(String),
    #[error("the sample picture {file} cannot be read")]
    Unreadable {
        file: String,
        source: Box<desk::Refusal>,
    },
}

/// The samples. One that cannot be read is left out: a desk without it is
/// still a desk.
pub fn samples(answerer: &dyn Answerer) -> Vec<Sample> {
    let entries = match entries() {
        Ok(entries) => entries,
        Err(fault) => {
            tracing::warn!("no samples: {}", sentence(&fault));
            return Vec::new();
        }
    };
    let read = |entry: &Entry| match sample(entry, answerer) {
        Ok(sample) => Some(sample),
        Err(fault) => {
            tracing::warn!("a sample is left out: {}", sentence(&fault));
            None
        }
    };
    entries.iter().filter_map(read).collect()
}

fn entries() -> Result<Vec<Entry>, Fault> {
    let list = Files::get("samples.json").ok_or(Fault::NoList)?;
    Ok(serde_json::from_slice(&list.data)?)
}

fn sample(entry: &Entry, answerer: &dyn Answerer) -> Result<Sample, Fault> {
    let names: Vec<_> = entry.file.iter().chain(&entry.files).collect();
    let first = names.first().ok_or(Fault::NoPicture)?;
    let id = first
        .rsplit_once('.')
        .map_or(first.as_str(), |(stem, _)| stem);
    let pictures = names.iter().map(|name| picture(name, answerer));
    Ok(Sample {
        id: id.to_owned(),
        pictures: pictures.collect::<Result<_, _>>()?,
        question: BothLanguages {
            en: entry.question_en.clone(),
            zh: entry.question_zh.clone(),
        },
    })
}

fn picture(file: &str, answerer: &dyn Answerer) -> Result<Arc<Picture>, Fault> {
    let file = file.to_owned();
    let Some(found) = Files::get(&file) else {
        return Err(Fault::NoFile(file));
    };
    match answerer.inspect(&found.data) {
        Ok(facts) => Ok(Arc::new(Picture::new(found.data.as_ref(), facts))),
        Err(source) => {
            let source = Box::new(source);
            Err(Fault::Unreadable { file, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::EngineOptions;

    use super::*;
    use crate::answerer::EngineAnswerer;
    use crate::demo;

    #[test]
    fn every_sample_can_be_read_and_asks_in_both_languages() {
        let answerer = EngineAnswerer::look(demo::source(), EngineOptions::default()).unwrap();
        let samples = samples(&answerer);
        assert_eq!(samples.len(), entries().unwrap().len());
        assert!(samples.len() >= 3);
        for sample in &samples {
            assert!(!sample.question.en.trim().is_empty(), "{}", sample.id);
            assert!(!sample.question.zh.trim().is_empty(), "{}", sample.id);
            assert!(!sample.pictures.is_empty(), "{}", sample.id);
        }
        let ids: std::collections::HashSet<_> = samples.iter().map(|s| &s.id).collect();
        assert_eq!(ids.len(), samples.len());
    }
}
