//! How pictures are prepared for a checkpoint: preprocessor_config.json.
//!
//! The limits hide behind misleading names: `size.shortest_edge` and `size.longest_edge` count
//! pixels of the whole picture, not of an edge. Older files write `min_pixels` and `max_pixels`, and
//! where both stand the latter win, as in transformers. transformers 5 nests the same object under
//! `image_processor` in processor_config.json; that is read too.

use formats::Checkpoint;
use serde::Deserialize;

use super::ConfigError;
use super::field::Field;

const FILE: &str = "preprocessor_config.json";
const NESTED_FILE: &str = "processor_config.json";
/// Ten times the released limit.
const MOST_PIXELS: u64 = 1 << 28;

/// Limits and constants of picture preparation.
#[derive(Clone, Debug, PartialEq)]
pub struct PreprocessorConfig {
    /// Smaller pictures are scaled up to this many pixels.
    pub min_pixels: usize,
    /// Larger pictures are scaled down to this many pixels.
    pub max_pixels: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Side of a token's square in patches.
    pub merge_size: usize,
    /// Subtracted from each colour (of 0..1).
    pub mean: [f32; 3],
    /// Divides each colour afterwards.
    pub std: [f32; 3],
}

#[derive(Deserialize, Default)]
struct Written {
    image_processor: Option<Box<Written>>,
    size: Option<Size>,
    min_pixels: Option<u64>,
    max_pixels: Option<u64>,
    patch_size: Option<u64>,
    merge_size: Option<u64>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    rescale_factor: Option<f64>,
}

#[derive(Deserialize)]
struct Size {
    shortest_edge: Option<u64>,
    longest_edge: Option<u64>,
}

impl PreprocessorConfig {
    /// The values of all released models.
    pub fn released() -> Self {
        Self {
            min_pixels: 65_536,
            max_pixels: 16_777_216,
            patch_size: 16,
            merge_size: 2,
            mean: [0.5; 3],
            std: [0.5; 3],
        }
    }

    /// Reads the file of a checkpoint; without one the released values hold.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self, ConfigError> {
        for name in [FILE, NESTED_FILE] {
            if let Some(bytes) = checkpoint.file(name)? {
                return Self::from_json(&bytes);
            }
        }
        Ok(Self::released())
    }

    /// Reads the bytes of a preprocessor_config.json.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ConfigError> {
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|source| ConfigError::Unreadable { file: FILE, source })?;
        match written.image_processor {
            Some(nested) => nested.check(),
            None => written.check(),
        }
    }
}

impl Written {
    fn check(self) -> Result<PreprocessorConfig, ConfigError> {
        let released = PreprocessorConfig::released();
        let (shortest, longest) = self
            .size
            .map_or((None, None), |size| (size.shortest_edge, size.longest_edge));
        let number = |field, value: Option<u64>, otherwise: usize, most| {
            let value = value.or(Some(otherwise as u64));
            Ok::<_, ConfigError>(
                Field {
                    file: FILE,
                    field,
                    value,
                }
                .within(1, most)? as usize,
            )
        };
        let config = PreprocessorConfig {
            min_pixels: number(
                "size.shortest_edge",
                self.min_pixels.or(shortest),
                released.min_pixels,
                MOST_PIXELS,
            )?,
            max_pixels: number(
                "size.longest_edge",
                self.max_pixels.or(longest),
                released.max_pixels,
                MOST_PIXELS,
            )?,
            patch_size: number("patch_size", self.patch_size, released.patch_size, 64)?,
            merge_size: number("merge_size", self.merge_size, released.merge_size, 8)?,
            mean: self.image_mean.unwrap_or(released.mean),
            std: self.image_std.unwrap_or(released.std),
        };
        config.check_limits()?;
        config.check_colours(self.rescale_factor)?;
        Ok(config)
    }
}

impl PreprocessorConfig {
    fn check_limits(&self) -> Result<(), ConfigError> {
        let token = (self.patch_size * self.merge_size).pow(2);
        if self.max_pixels < token || self.max_pixels < self.min_pixels {
            return Err(ConfigError::Invalid {
                file: FILE,
                field: "size.longest_edge",
                value: self.max_pixels.to_string(),
                want: format!(
                    "it must be at least size.shortest_edge, {}, and one token, {token}",
                    self.min_pixels
                ),
            });
        }
        Ok(())
    }

    fn check_colours(&self, rescale_factor: Option<f64>) -> Result<(), ConfigError> {
        let invalid = |field, value: String, want: &str| {
            Err(ConfigError::Invalid {
                file: FILE,
                field,
                value,
                want: want.to_owned(),
            })
        };
        if !self.mean.iter().all(|mean| (0.0..=1.0).contains(mean)) {
            return invalid(
                "image_mean",
                format!("{:?}", self.mean),
                "it must lie in 0..1",
            );
        }
        if !self.std.iter().all(|std| (0.01..=10.0).contains(std)) {
            return invalid(
                "image_std",
                format!("{:?}", self.std),
                "it must lie in 0.01..10",
            );
        }
        // The released files write 0.00392156862745098.
        if let Some(factor) = rescale_factor.filter(|f| (f * 255.0 - 1.0).abs() >= 1e-9) {
            return invalid(
                "rescale_factor",
                factor.to_string(),
                "only 1/255 is implemented",
            );
        }
        Ok(())
    }
}
