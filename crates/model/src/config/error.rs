//! Why the settings of a checkpoint cannot be used, said to the person who chose it.

/// One of config.json, generation_config.json, preprocessor_config.json cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read from the checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] formats::Error),
    /// A file that every checkpoint has is not there.
    #[error("{checkpoint} has no {file}; download it into the same directory")]
    MissingFile {
        /// Name of the checkpoint.
        checkpoint: String,
        /// Name of the file.
        file: &'static str,
    },
    /// Not JSON, or a field has another type than it should.
    #[error("{file} cannot be read as the settings of a Qwen3-VL model; download it again")]
    Unreadable {
        /// Name of the file.
        file: &'static str,
        /// Where parsing stopped.
        source: serde_json::Error,
    },
    /// Another kind of model.
    #[error(
        "config.json describes {found}; only the dense Qwen3-VL models (model_type qwen3_vl: 2B, \
         4B, 8B, 32B) can be run"
    )]
    Architecture {
        /// The kind it states, cut and escaped.
        found: String,
    },
    /// Weights that were quantised before they were published.
    #[error(
        "these weights are already quantised by {method}; download the plain bf16 release, it is \
         packed when it is loaded"
    )]
    Quantised {
        /// The method it states, cut and escaped.
        method: String,
    },
    /// A field that has to be there is not.
    #[error("{file} lacks {field}; it is incomplete or not of a Qwen3-VL model")]
    Missing {
        /// Name of the file.
        file: &'static str,
        /// Name of the field.
        field: &'static str,
    },
    /// A field has a value that cannot be, or that is not implemented.
    #[error("{file}: {field} is {value}, but {want}")]
    Invalid {
        /// Name of the file.
        file: &'static str,
        /// Name of the field.
        field: &'static str,
        /// The value, as written.
        value: String,
        /// What it should be, as the rest of the sentence.
        want: String,
    },
}

/// A string from a file, made fit for one line of a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
