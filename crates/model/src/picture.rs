//! From the bytes of an upload to the patches that enter the vision tower.
//!
//! In order: [`decode`] (type by content, limits before pixels, upright, alpha on white, 8 bits,
//! RGB), then [`Preprocessor`] (size, resize, patches). Colour profiles are ignored, as the
//! reference does: a wide-gamut photo comes out a little pale, never unreadable.
//! What it does not know: where a picture comes from, who may see it, and any device.

mod decode;
mod error;
mod jpeg;
mod patches;
mod preprocess;
mod resize;
mod size;
mod sniff;
mod webp;

use std::fmt;

pub use decode::{PictureLimits, decode};
pub use error::PictureError;
pub use patches::{Grid, Patches};
pub use preprocess::Preprocessor;
pub use resize::resize;
pub use size::{Size, smart_resize};
pub use sniff::{ForeignKind, PictureFormat};

/// A decoded picture, the way a person would see it.
#[derive(Clone)]
pub struct Picture {
    /// Pixels across, after turning it upright.
    pub width: u32,
    /// Pixels down, after turning it upright.
    pub height: u32,
    /// Red, green, blue of each pixel, row by row from the top left.
    pub pixels: Vec<u8>,
    /// How it was stored.
    pub format: PictureFormat,
    /// BLAKE3 of the dimensions (two little-endian u32) and the pixels: equal for two files that
    /// show the same, whatever their format.
    pub digest: [u8; 32],
}

impl Picture {
    /// A picture from its pixels.
    ///
    /// # Panics
    /// If there are not three bytes per pixel, or no pixels at all.
    pub fn from_rgb(width: u32, height: u32, pixels: Vec<u8>, format: PictureFormat) -> Self {
        assert_eq!(
            u64::from(width) * u64::from(height) * 3,
            pixels.len() as u64
        );
        assert!(!pixels.is_empty(), "a picture has pixels");
        let digest = *blake3::Hasher::new()
            .update(&width.to_le_bytes())
            .update(&height.to_le_bytes())
            .update(&pixels)
            .finalize()
            .as_bytes();
        Self {
            width,
            height,
            pixels,
            format,
            digest,
        }
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "Picture({:?}, {} x {})",
            self.format, self.width, self.height
        )
    }
}
