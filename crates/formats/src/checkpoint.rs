//! A whole checkpoint: the weights of a model, in one file or in shards, and the files beside them.
//!
//! Two places can hold one: a directory as it was downloaded, and the program itself. Both go
//! through the same code below [`source::Source`]. It never writes, so a read-only directory works.
//! What it does not know: which tensors and which side files a model needs.

mod index;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::shown;
use crate::{Error, Safetensors, Tensor};

use source::Source;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Weights by name, wherever they lie.
#[derive(Debug)]
pub struct Checkpoint {
    source: Source,
    files: Vec<Safetensors>,
    /// Tensor name to place in `files`.
    place: BTreeMap<String, usize>,
}

impl Checkpoint {
    /// Opens the model directory `dir`; reads headers only.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::over(Source::directory(dir)?)
    }

    /// A checkpoint that is part of the program, as (file name, bytes).
    ///
    /// Views in place need aligned bytes; wrap `include_bytes!` in a `repr(align)` struct.
    pub fn from_static(
        name: &str,
        files: &'static [(&'static str, &'static [u8])],
    ) -> Result<Self, Error> {
        Self::over(Source::Embedded {
            name: name.to_owned(),
            files,
        })
    }

    fn over(source: Source) -> Result<Self, Error> {
        if let Some(whole) = source.weights(WHOLE)? {
            let place = whole.names().map(|name| (name.to_owned(), 0)).collect();
            return Ok(Self {
                source,
                files: vec![whole],
                place,
            });
        }
        let Some(index) = source.file(INDEX)? else {
            return Err(source.not_a_checkpoint());
        };
        let (files, place) = index::open_shards(&source, INDEX, &index)?;
        Ok(Self {
            source,
            files,
            place,
        })
    }

    /// Name of the directory, or the name it was given.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// A side file such as `config.json`; `None` if there is none.
    pub fn file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.source.file(name)
    }

    /// Tensor names, in alphabetical order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.place.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.place.contains_key(name)
    }

    /// Bytes of all weights together.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(Safetensors::tensor_bytes).sum()
    }

    /// The files of weights, in an order that depends on their content alone.
    pub(crate) fn weight_files(&self) -> &[Safetensors] {
        &self.files
    }

    /// Every tensor with the number of the weight file it is taken from, in alphabetical order.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&str, usize)> {
        self.place.iter().map(|(name, &file)| (name.as_str(), file))
    }

    /// The weight `name`, which must have `expected_shape` and a float dtype.
    pub fn tensor(&self, name: &str, expected_shape: &[usize]) -> Result<Tensor, Error> {
        let tensor = self
            .place
            .get(name)
            .and_then(|&file| self.files[file].tensor(name))
            .ok_or_else(|| Error::MissingTensor {
                checkpoint: self.name().to_owned(),
                tensor: shown(name),
            })?;
        if tensor.shape() != expected_shape {
            return Err(Error::Shape {
                checkpoint: self.name().to_owned(),
                tensor: shown(name),
                have: tensor.shape().to_vec(),
                want: expected_shape.to_vec(),
            });
        }
        if !tensor.dtype().is_float() {
            return Err(Error::NotFloat {
                checkpoint: self.name().to_owned(),
                tensor: shown(name),
                dtype: tensor.dtype(),
            });
        }
        Ok(tensor)
    }
}

#[cfg(test)]
#[path = "checkpoint/tests.rs"]
mod tests;
