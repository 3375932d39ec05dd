//! What can be wrong with a checkpoint, said to the person who has to mend it.
//!
//! Names that come from a file are cut and escaped by [`shown`] before they enter a message: a
//! hostile header must not be able to fill a log or forge a line in it.

use std::io;

/// A checkpoint or one of its files cannot be used. `file` is the path, or the embedded name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to open or read.
    #[error("cannot read {file}; check that it exists and that this user may read it")]
    Read {
        /// Path of the file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A directory, pipe or device stands where a file is expected.
    #[error("{file} is not a regular file; point at the directory of a downloaded model")]
    NotAFile {
        /// Path of the thing.
        file: String,
    },
    /// A file stands where the model directory is expected.
    #[error("{path} is not a directory; point at the directory that holds the model's files")]
    NotADirectory {
        /// Path of the thing.
        path: String,
    },
    /// The directory holds no weights in a form that is read here.
    #[error(
        "{directory} is not a model directory: looked for model.safetensors and \
         model.safetensors.index.json, found {found}"
    )]
    NotACheckpoint {
        /// Path of the directory.
        directory: String,
        /// The first few names in it, or "nothing".
        found: String,
    },
    /// A clone without Git LFS left a pointer of some hundred bytes in place of the weights.
    #[error(
        "{file} is a Git LFS pointer, not the weights; run `git lfs pull` in that directory or \
         download the file"
    )]
    GitLfsPointer {
        /// Path of the pointer.
        file: String,
    },
    /// The file ends before what its header promises.
    #[error(
        "{file} ends at byte {have}, its header promises {want}; download it again or check the disk"
    )]
    Truncated {
        /// Path of the file.
        file: String,
        /// Bytes there are.
        have: u64,
        /// Bytes there should be.
        want: u64,
    },
    /// Bytes follow the last tensor.
    #[error("{file} has {extra} bytes after its last tensor; download it again")]
    TrailingBytes {
        /// Path of the file.
        file: String,
        /// How many bytes belong to nothing.
        extra: u64,
    },
    /// A header length that no real checkpoint reaches.
    #[error(
        "{file} announces a header of {length} bytes, more than {limit}; it is not a safetensors \
         file, or it is damaged"
    )]
    HeaderTooLong {
        /// Path of the file.
        file: String,
        /// The length it states.
        length: u64,
        /// The longest length accepted.
        limit: u64,
    },
    /// The header is not the JSON object that the format describes.
    #[error("{file} has an unreadable header; it is not a safetensors file, or it is damaged")]
    HeaderNotJson {
        /// Path of the file.
        file: String,
        /// Where parsing stopped.
        source: serde_json::Error,
    },
    /// One entry of the header contradicts itself, its neighbours or the file.
    #[error("tensor {tensor} in {file} {fault}; the file is damaged, download it again")]
    Tensor {
        /// Path of the file.
        file: String,
        /// Name of the tensor, cut and escaped.
        tensor: String,
        /// What is wrong with it.
        fault: TensorFault,
    },
    /// A dtype that is not read here, such as the 8-bit floats of quantised releases.
    #[error(
        "tensor {tensor} in {file} has dtype {dtype}, which is not supported; use the bf16 or f16 \
         release of the model"
    )]
    UnsupportedDtype {
        /// Path of the file.
        file: String,
        /// Name of the tensor, cut and escaped.
        tensor: String,
        /// The dtype as the header spells it, cut and escaped.
        dtype: String,
    },
    /// The shard index is not the JSON object that the format describes.
    #[error("{file} is not a readable shard index; download it again")]
    IndexNotJson {
        /// Path of the index.
        file: String,
        /// Where parsing stopped.
        source: serde_json::Error,
    },
    /// A shard index points outside its directory or at something that is not a shard.
    #[error(
        "{file} names the shard {shard}; a shard must be a .safetensors file in the same directory"
    )]
    ShardName {
        /// Path of the index.
        file: String,
        /// The name it gives, cut and escaped.
        shard: String,
    },
    /// The index lists a shard that is not in the directory.
    #[error("{directory} lacks {shard}, which its index lists; finish the download")]
    MissingShard {
        /// Path of the directory.
        directory: String,
        /// File name of the shard.
        shard: String,
    },
    /// The index says a shard has a tensor, the shard says otherwise.
    #[error(
        "{shard} lacks the tensor {tensor}, which the index puts there; index and shards are from \
         different downloads, fetch both again"
    )]
    ShardLacksTensor {
        /// Path of the shard.
        shard: String,
        /// Name of the tensor, cut and escaped.
        tensor: String,
    },
    /// The model needs a tensor that the checkpoint does not have.
    #[error(
        "{checkpoint} has no tensor {tensor}; the files are incomplete or belong to another model"
    )]
    MissingTensor {
        /// Name of the checkpoint.
        checkpoint: String,
        /// Name of the tensor.
        tensor: String,
    },
    /// A tensor does not have the shape that config.json implies.
    #[error(
        "tensor {tensor} of {checkpoint} has shape {have:?}, config.json implies {want:?}; config \
         and weights are not of the same model"
    )]
    Shape {
        /// Name of the checkpoint.
        checkpoint: String,
        /// Name of the tensor.
        tensor: String,
        /// The shape in the file.
        have: Vec<usize>,
        /// The shape asked for.
        want: Vec<usize>,
    },
    /// A weight is stored as integers.
    #[error(
        "tensor {tensor} of {checkpoint} has dtype {dtype}, a float dtype is needed; use the bf16 \
         or f16 release of the model"
    )]
    NotFloat {
        /// Name of the checkpoint.
        checkpoint: String,
        /// Name of the tensor.
        tensor: String,
        /// The dtype in the file.
        dtype: crate::Dtype,
    },
    /// A side file (config, tokenizer) is larger than any real one.
    #[error("{file} is larger than {limit} bytes, no real one is; download it again")]
    FileTooLarge {
        /// Path of the file.
        file: String,
        /// The largest size accepted.
        limit: u64,
    },
    /// Bytes given for a tensor do not fill its shape.
    #[error("{have} bytes do not fill a {dtype} tensor of shape {shape:?}")]
    Bytes {
        /// The dtype asked for.
        dtype: crate::Dtype,
        /// The shape asked for.
        shape: Vec<usize>,
        /// Bytes given.
        have: usize,
    },
}

/// What is wrong with one entry of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TensorFault {
    /// More axes than any tensor of a model has.
    #[error("has {0} axes")]
    TooManyAxes(usize),
    /// The number of bytes overflows.
    #[error("has a shape whose size does not fit into memory")]
    SizeOverflow,
    /// `end` before `begin`.
    #[error("ends before it begins")]
    Backwards,
    /// Shape and dtype ask for other bytes than the offsets give.
    #[error("takes {have} bytes, its shape and dtype need {want}")]
    Length {
        /// Bytes between the offsets.
        have: u64,
        /// Bytes of shape and dtype.
        want: u64,
    },
    /// It shares bytes with the tensor before it.
    #[error("begins at byte {begin}, inside the tensor before it, which ends at {previous_end}")]
    Overlap {
        /// Its first byte.
        begin: u64,
        /// One past the last byte of the tensor before it.
        previous_end: u64,
    },
    /// Bytes between two tensors belong to neither.
    #[error("begins at byte {begin}, the tensor before it ends at {previous_end}")]
    Hole {
        /// Its first byte.
        begin: u64,
        /// One past the last byte of the tensor before it.
        previous_end: u64,
    },
}

/// A name from a file, made fit for one line of a message.
pub(crate) fn shown(name: &str) -> String {
    const LONGEST: usize = 120;
    let mut text: String = name
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if name.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}
