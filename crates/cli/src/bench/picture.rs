//! The picture that speed is measured on: smooth colour fields, noise and hard-edged marks, so that
//! its JPEG has about the size and the work of a photograph. The same seed gives the same bytes.
//!
//! Pictures of the user's are measured too, each time slightly changed: what has been read once is
//! cached, and then the cache would be what is measured.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, ImageResult, Rgb, RgbImage};
use model::picture::{PictureError, PictureFormat, PictureLimits, decode};

const QUALITY: u8 = 90;
/// Edge of a colour field in pixels.
const FIELD: u32 = 32;
const MARKS: u32 = 60;

/// A JPEG of the given size.
pub fn jpeg(width: u32, height: u32, seed: u64) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    draw(width, height, seed).write_with_encoder(JpegEncoder::new_with_quality(
        Cursor::new(&mut bytes),
        QUALITY,
    ))?;
    Ok(bytes)
}

/// Why a picture cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error("cannot write the picture down again")]
    Encode(#[from] image::ImageError),
}

/// The same picture with a corner of another brightness, as JPEG if it was one, else as PNG.
pub fn changed(bytes: &[u8], seed: u64) -> Result<Vec<u8>, ChangeError> {
    let picture = decode(bytes, &PictureLimits::default())?;
    let (format, edge) = (picture.format, 8);
    let Some(mut pixels) = RgbImage::from_raw(picture.width, picture.height, picture.into_pixels())
    else {
        return Err(PictureError::Damaged {
            format,
            detail: "pixels are missing".into(),
        }
        .into());
    };
    let shade = (SplitMix(seed).next() >> 56) as u8;
    for (x, y) in (0..edge).flat_map(|y| (0..edge).map(move |x| (x, y))) {
        if let Some(Rgb(colours)) = pixels.get_pixel_mut_checked(x, y) {
            *colours = [shade; 3];
        }
    }
    let mut bytes = Vec::new();
    match format {
        PictureFormat::Jpeg => pixels.write_with_encoder(JpegEncoder::new_with_quality(
            Cursor::new(&mut bytes),
            QUALITY,
        ))?,
        _ => pixels.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?,
    }
    Ok(bytes)
}

fn draw(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut noise = SplitMix(seed);
    let columns = width / FIELD + 2;
    let fields: Vec<[f32; 3]> = (0..columns * (height / FIELD + 2))
        .map(|_| std::array::from_fn(|_| noise.below(256) as f32))
        .collect();
    let mut picture = RgbImage::from_fn(width, height, |x, y| {
        let colour = between_fields(&fields, columns, x, y);
        Rgb(colour.map(|value| (value + noise.below(25) as f32 - 12.0).clamp(0.0, 255.0) as u8))
    });
    for _ in 0..MARKS {
        let (left, top) = (noise.below(width), noise.below(height));
        let (wide, ink) = (4 + noise.below(36), noise.below(256) as u8);
        for y in top..(top + 12).min(height) {
            for x in left..(left + wide).min(width) {
                picture.put_pixel(x, y, Rgb([ink; 3]));
            }
        }
    }
    picture
}

/// The colour at a pixel: linear between the four fields around it.
fn between_fields(fields: &[[f32; 3]], columns: u32, x: u32, y: u32) -> [f32; 3] {
    let at = |column: u32, row: u32| fields[(row * columns + column) as usize];
    let (column, row) = (x / FIELD, y / FIELD);
    let right = (x % FIELD) as f32 / FIELD as f32;
    let down = (y % FIELD) as f32 / FIELD as f32;
    let (a, b) = (at(column, row), at(column + 1, row));
    let (c, d) = (at(column, row + 1), at(column + 1, row + 1));
    std::array::from_fn(|i| {
        let above = a[i] + (b[i] - a[i]) * right;
        let below = c[i] + (d[i] - c[i]) * right;
        above + (below - above) * down
    })
}

/// SplitMix64 (Steele, Lea, Flood 2014): a few lines, and the same numbers on every machine.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is small against 2^32: the bias does not matter here.
    fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let first = jpeg(96, 64, 1).unwrap();
        assert_eq!(first, jpeg(96, 64, 1).unwrap());
        assert_ne!(first, jpeg(96, 64, 2).unwrap());
    }

    #[test]
    fn the_picture_has_the_size_that_was_asked_for() {
        let decoded = image::load_from_memory(&jpeg(101, 33, 7).unwrap()).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (101, 33));
    }

    #[test]
    fn a_changed_picture_keeps_size_and_kind_but_not_its_pixels() {
        let original = jpeg(96, 64, 1).unwrap();
        let limits = PictureLimits::default();
        let (once, again) = (
            changed(&original, 1).unwrap(),
            changed(&original, 2).unwrap(),
        );
        let [before, once, again] =
            [&original, &once, &again].map(|bytes| decode(bytes, &limits).unwrap());
        assert_eq!(
            (once.width, once.height, once.format),
            (96, 64, before.format)
        );
        assert_ne!(once.digest(), before.digest());
        assert_ne!(once.digest(), again.digest());
    }

    #[test]
    fn a_picture_smaller_than_the_corner_can_be_changed() {
        let tiny = jpeg(3, 2, 1).unwrap();
        assert!(changed(&tiny, 1).is_ok());
    }

    #[test]
    fn it_weighs_about_what_a_photograph_does() {
        let bytes = jpeg(1024, 768, 1).unwrap().len();
        assert!((150_000..800_000).contains(&bytes), "{bytes}");
    }
}
