//! From the bytes of an upload to the patches that enter the vision tower.
//!
//! In order: [`decode`] (type by content, limits before pixels, alpha on white, 8 bits, RGB, which way
//! is up), then [`Preprocessor`] (size, resize, upright, patches). Colour profiles are ignored, as the
//! reference does: a wide-gamut photo comes out a little pale, never unreadable.
//! What it does not know: where a picture comes from, who may see it, and any device.

mod crop;
mod decode;
mod error;
mod jpeg;
mod patches;
mod preprocess;
mod resize;
mod size;
mod sniff;
mod turn;
mod webp;

use std::borrow::Cow;
use std::fmt;

pub use crop::Area;
pub use decode::{PictureLimits, decode};
pub use error::PictureError;
pub use patches::{Grid, Patches};
pub use preprocess::Preprocessor;
pub use resize::resize;
pub use size::{Size, smart_resize};
pub use sniff::{ForeignKind, PictureFormat};
use turn::Turn;

/// A decoded picture, the way a person would see it.
#[derive(Clone)]
pub struct Picture {
    /// Pixels across, after turning it upright.
    pub width: u32,
    /// Pixels down, after turning it upright.
    pub height: u32,
    /// How it was stored.
    pub format: PictureFormat,
    /// Red, green, blue of each pixel as stored. Turning a photo costs as much memory again and a good
    /// part of the time of decoding it, so that is put off until it is small.
    stored: Vec<u8>,
    turn: Turn,
}

impl Picture {
    /// A picture from its pixels.
    ///
    /// # Panics
    /// If there are not three bytes per pixel, or no pixels at all.
    pub fn from_rgb(width: u32, height: u32, pixels: Vec<u8>, format: PictureFormat) -> Self {
        Self::from_stored(width, height, pixels, Turn::default(), format)
    }

    /// A picture from the pixels as stored, where `width` and `height` are those as shown.
    fn from_stored(
        width: u32,
        height: u32,
        stored: Vec<u8>,
        turn: Turn,
        format: PictureFormat,
    ) -> Self {
        assert_eq!(
            u64::from(width) * u64::from(height) * 3,
            stored.len() as u64
        );
        assert!(!stored.is_empty(), "a picture has pixels");
        Self {
            width,
            height,
            format,
            stored,
            turn,
        }
    }

    /// Red, green, blue of each pixel, row by row from the top left. A picture that was stored on its
    /// side is turned here, at the cost of as much memory again.
    pub fn pixels(&self) -> Cow<'_, [u8]> {
        if self.turn == Turn::default() {
            Cow::Borrowed(&self.stored)
        } else {
            Cow::Owned(self.turn.upright(self.stored.clone(), self.stored_size()))
        }
    }

    /// The same, of a picture that is not needed any more.
    pub fn into_pixels(self) -> Vec<u8> {
        let size = self.stored_size();
        self.turn.upright(self.stored, size)
    }

    /// BLAKE3 of the dimensions (two little-endian u32) and the pixels: equal for two files that show
    /// the same, whatever their format.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::Hasher::new()
            .update(&self.width.to_le_bytes())
            .update(&self.height.to_le_bytes())
            .update(&self.pixels())
            .finalize()
            .as_bytes()
    }

    fn stored_size(&self) -> Size {
        self.turn.size(Size {
            height: self.height as usize,
            width: self.width as usize,
        })
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
