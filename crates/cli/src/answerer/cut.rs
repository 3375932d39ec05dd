//! Pictures made of a picture: a place of it, closer; all of it, small.

use model::picture::{Area, PictureError, decode};

use super::about::About;

/// What is added on each side of a place, of its own size: people and models draw boxes tightly.
const MARGIN: f32 = 0.15;
/// A cut gets as wide as this for its height, or as high for its width, where the picture allows.
const THINNEST: u32 = 20;
/// What a cut is enlarged towards, so that small print gets enough tokens.
const CLOSER_PIXELS: f64 = 640.0 * 1024.0;
/// Beyond this an enlargement only blurs.
const LARGEST_TIMES: f64 = 4.0;

impl About {
    /// A place of a picture, in thousandths, as a PNG: its original pixels with a margin, enlarged
    /// where they are few.
    pub fn cut(&self, bytes: &[u8], corners: [u16; 4]) -> Result<Vec<u8>, PictureError> {
        let picture = decode(bytes, &self.picture_limits)?;
        let (width, height) = (picture.width, picture.height);
        let area = Area::touched(corners.map(f32::from), width, height);
        let piece = picture.cut(area.with_margin(MARGIN, THINNEST, width, height));
        drop(picture);
        let times = times(piece.width, piece.height);
        Ok(match times > 1.0 {
            true => piece.scaled(times).to_png(),
            false => piece.to_png(),
        })
    }

    /// A picture whose longer side is at most `edge` pixels, as a JPEG.
    pub fn thumbnail(&self, bytes: &[u8], edge: u32) -> Result<Vec<u8>, PictureError> {
        let picture = decode(bytes, &self.picture_limits)?;
        let longer = picture.width.max(picture.height);
        let times = f64::from(edge) / f64::from(longer);
        Ok(match times < 1.0 {
            true => picture.scaled(times).to_jpeg(),
            false => picture.to_jpeg(),
        })
    }
}

/// How much larger a cut of this size should be shown.
fn times(width: u32, height: u32) -> f64 {
    let pixels = f64::from(width) * f64::from(height);
    (CLOSER_PIXELS / pixels).sqrt().clamp(1.0, LARGEST_TIMES)
}

#[cfg(test)]
mod tests {
    use engine::EngineOptions;
    use image::{ImageEncoder, RgbImage};

    use super::*;
    use crate::demo;

    fn about() -> About {
        About::of(&demo::source(), &EngineOptions::default()).unwrap()
    }

    /// A PNG whose every pixel says where it is.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let place = |x: u32, y: u32| image::Rgb([(x % 251) as u8, (y % 241) as u8, 77]);
        let pixels = RgbImage::from_fn(width, height, place);
        let mut file = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut file);
        let colours = image::ExtendedColorType::Rgb8;
        encoder
            .write_image(&pixels, width, height, colours)
            .unwrap();
        file
    }

    #[test]
    fn a_small_place_is_enlarged_and_a_large_one_keeps_its_pixels() {
        let about = about();
        let small = about.cut(&png(1000, 800), [500, 500, 550, 530]).unwrap();
        let small = about.inspect(&small).unwrap();
        // 50 x 24 pixels with their margins, four times.
        assert_eq!((small.width, small.height), (4 * 66, 4 * 32));
        let large = about.cut(&png(2000, 1500), [0, 0, 1000, 1000]).unwrap();
        let large = about.inspect(&large).unwrap();
        assert_eq!((large.width, large.height), (2000, 1500));
    }

    #[test]
    fn whatever_is_cut_can_be_asked_about() {
        let about = about();
        for (width, height) in [(1, 1), (7, 5), (2000, 10), (10, 2000), (333, 777)] {
            let file = png(width, height);
            for corners in [
                [0, 0, 1000, 1000],
                [0, 0, 1, 1],
                [999, 0, 1000, 1000],
                [0, 999, 1000, 1000],
            ] {
                let cut = about.cut(&file, corners).unwrap();
                let facts = about.inspect(&cut).unwrap();
                assert!(facts.tokens > 0, "{width} x {height} {corners:?}");
            }
        }
    }

    #[test]
    fn a_thumbnail_is_small_and_keeps_its_shape() {
        let about = about();
        for (from, to) in [
            ((1000, 500), (160, 80)),
            ((500, 1000), (80, 160)),
            ((20, 10), (20, 10)),
            ((2000, 10), (160, 1)),
        ] {
            let small = about.thumbnail(&png(from.0, from.1), 160).unwrap();
            let small =
                image::load_from_memory_with_format(&small, image::ImageFormat::Jpeg).unwrap();
            assert_eq!((small.width(), small.height()), to);
        }
    }

    #[test]
    fn a_damaged_picture_is_refused() {
        assert!(about().cut(&png(50, 50)[..60], [0, 0, 1000, 1000]).is_err());
        assert!(about().thumbnail(b"GIF89a", 160).is_err());
    }
}
