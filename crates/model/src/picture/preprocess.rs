//! The whole way from a decoded picture to patches, for one model and one budget.

use super::patches::Cut;
use super::resize::resize_upright;
use super::{Grid, Patches, Picture, PictureError, Size, smart_resize};
use crate::config::{ConfigError, PreprocessorConfig, VisionConfig};

/// Prepares pictures for the vision tower.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    cut: Cut,
    min_pixels: usize,
    max_pixels: usize,
    /// Value of each byte, per channel.
    colours: Box<[[f32; 256]; 3]>,
}

impl Preprocessor {
    /// Tokens spent on one picture unless told otherwise. The released limit is 16,384, at which a
    /// phone photo would cost minutes; small print stays readable at this one (1280 x 1024 pixels).
    pub const DEFAULT_IMAGE_TOKENS: usize = 1280;

    /// `image_tokens` lowers the checkpoint's own upper limit. Whole tokens are rounded to, so a small
    /// or very thin picture may cost a few more than a small budget; [`Self::tokens`] is the truth.
    pub fn new(
        config: &PreprocessorConfig,
        vision: &VisionConfig,
        image_tokens: usize,
    ) -> Result<Self, ConfigError> {
        let disagree = |field, value: usize, want: usize| ConfigError::Invalid {
            file: "preprocessor_config.json",
            field,
            value: value.to_string(),
            want: format!("config.json says {want}"),
        };
        if config.patch_size != vision.patch_size {
            return Err(disagree("patch_size", config.patch_size, vision.patch_size));
        }
        if config.merge_size != vision.spatial_merge_size {
            return Err(disagree(
                "merge_size",
                config.merge_size,
                vision.spatial_merge_size,
            ));
        }
        let token_pixels = vision.token_side().pow(2);
        let budget = image_tokens.max(1).saturating_mul(token_pixels);
        let max_pixels = config.max_pixels.min(budget);
        Ok(Self {
            cut: Cut {
                patch: vision.patch_size,
                merge: vision.spatial_merge_size,
                frames: vision.temporal_patch_size,
            },
            min_pixels: config.min_pixels.min(max_pixels),
            max_pixels,
            colours: Box::new(colours(config)),
        })
    }

    /// The same for pictures that may cost at most `image_tokens`, and never more than here.
    pub fn at_most(&self, image_tokens: usize) -> Self {
        let budget = image_tokens.max(1).saturating_mul(self.token_side().pow(2));
        let max_pixels = self.max_pixels.min(budget);
        Self {
            min_pixels: self.min_pixels.min(max_pixels),
            max_pixels,
            ..self.clone()
        }
    }

    /// The most tokens a picture may cost, give or take what whole tokens round to.
    pub fn most_tokens(&self) -> usize {
        self.max_pixels / self.token_side().pow(2)
    }

    /// The size at which a picture of `width` x `height` is shown.
    pub fn size(&self, width: u32, height: u32) -> Result<Size, PictureError> {
        smart_resize(
            width,
            height,
            self.token_side(),
            self.min_pixels,
            self.max_pixels,
        )
    }

    /// Tokens that a picture of `width` x `height` costs.
    pub fn tokens(&self, width: u32, height: u32) -> Result<usize, PictureError> {
        Ok(self.size(width, height)?.pixels() / self.token_side().pow(2))
    }

    /// How a picture of `width` x `height` is cut.
    pub fn grid(&self, width: u32, height: u32) -> Result<Grid, PictureError> {
        Ok(self.cut.grid(self.size(width, height)?))
    }

    /// Resizes a picture, turns it upright and cuts it.
    pub fn patches(&self, picture: &Picture) -> Result<Patches, PictureError> {
        let to = self.size(picture.width, picture.height)?;
        let pixels = resize_upright(&picture.stored, picture.stored_size(), picture.turn, to);
        Ok(Patches::cut(&pixels, to, self.cut, &self.colours))
    }

    fn token_side(&self) -> usize {
        self.cut.patch * self.cut.merge
    }
}

/// Scaling by 1/255 and normalising in one step, as the reference fuses them: (v - 255 mean) /
/// (255 std) in single precision.
fn colours(config: &PreprocessorConfig) -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        let (mean, std) = (config.mean[channel] * 255.0, config.std[channel] * 255.0);
        std::array::from_fn(|value| (value as f32 - mean) / std)
    })
}
