//! One number of a settings file on its way to becoming a size.

use super::ConfigError;

/// A number as written, with its name for the error.
pub(super) struct Field {
    pub(super) file: &'static str,
    pub(super) field: &'static str,
    pub(super) value: Option<u64>,
}

impl Field {
    /// The number, if it is there and between `least` and `most`.
    pub(super) fn within(self, least: u64, most: u64) -> Result<u64, ConfigError> {
        let Self { file, field, value } = self;
        let value = value.ok_or(ConfigError::Missing { file, field })?;
        if value < least || value > most {
            return Err(ConfigError::Invalid {
                file,
                field,
                value: value.to_string(),
                want: format!("it must be between {least} and {most}"),
            });
        }
        Ok(value)
    }

    /// The same, as a size; `most` must fit 32 bits so that it fits every usize.
    pub(super) fn size(self, most: u32) -> Result<usize, ConfigError> {
        Ok(self.within(1, most.into())? as usize)
    }
}
