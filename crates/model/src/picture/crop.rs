//! A piece of a picture, and the same piece larger: for looking at one place more closely.
//!
//! Places are pixels of the picture as shown; only the piece is turned upright, never the whole photo.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::resize::resize_upright;
use super::turn::Turn;
use super::{Picture, Size};

/// Small pictures for people to recognise.
const JPEG_QUALITY: u8 = 82;

/// An upright rectangle of a picture, in pixels as shown; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Area {
    /// Every pixel of a picture of this size that a box touches, the box in thousandths (left, top,
    /// right, bottom), and at least one. What lies outside of the picture is cut off.
    pub fn touched(corners: [f32; 4], width: u32, height: u32) -> Self {
        let [left, top, right, bottom] = corners;
        let (left, width) = span(left, right, width);
        let (top, height) = span(top, bottom, height);
        Self {
            left,
            top,
            width,
            height,
        }
    }

    /// The area with this share of its sides added on each of them, and grown further until no side
    /// is more than `thinnest` times the other, as far as the picture of this size reaches.
    pub fn with_margin(self, share: f32, thinnest: u32, width: u32, height: u32) -> Self {
        let margin = |side: u32| (side as f32 * share).ceil() as u32;
        let (left, across) = grown(self.left, self.width, margin(self.width), width);
        let (top, down) = grown(self.top, self.height, margin(self.height), height);
        let lacking = |side: u32, other: u32| {
            let wanted = other.div_ceil(thinnest.max(1));
            wanted.saturating_sub(side).div_ceil(2)
        };
        let (left, across) = grown(left, across, lacking(across, down), width);
        let (top, down) = grown(top, down, lacking(down, across), height);
        Self {
            left,
            top,
            width: across,
            height: down,
        }
    }
}

/// First and number of the pixels that lie between two places of a side, in thousandths.
fn span(from: f32, to: f32, side: u32) -> (u32, u32) {
    let pixels = |place: f32| f64::from(place.clamp(0.0, 1000.0)) * f64::from(side) / 1000.0;
    let first = (pixels(from.min(to)).floor() as u32).min(side.saturating_sub(1));
    let last = (pixels(from.max(to)).ceil() as u32).clamp(first + 1, side.max(1));
    (first, last - first)
}

/// A span with up to `more` pixels added at both ends. What one end has no room for, the other gets.
fn grown(first: u32, count: u32, more: u32, side: u32) -> (u32, u32) {
    let wanted = count.saturating_add(more.saturating_mul(2)).min(side);
    let first = first.saturating_sub(more).min(side - wanted);
    (first, wanted)
}

impl Picture {
    /// The pixels of an area, as a picture.
    ///
    /// # Panics
    /// If the area reaches beyond the picture or is empty.
    pub fn cut(&self, area: Area) -> Self {
        let stored = self.stored_size();
        let Turn {
            quarter,
            from_right,
            from_bottom,
        } = self.turn;
        let (across, down) = ((area.left, area.width), (area.top, area.height));
        let (across, down) = if quarter {
            (down, across)
        } else {
            (across, down)
        };
        let (left, width) = as_stored(across, from_right, stored.width);
        let (top, height) = as_stored(down, from_bottom, stored.height);
        let mut piece = Vec::with_capacity(width * height * 3);
        for row in self
            .stored
            .chunks_exact(stored.width * 3)
            .skip(top)
            .take(height)
        {
            piece.extend_from_slice(&row[left * 3..][..width * 3]);
        }
        Self::from_stored(area.width, area.height, piece, self.turn, self.format)
    }

    /// The picture `times` as large, by the same rule as for the model.
    pub fn scaled(&self, times: f64) -> Self {
        let side = |pixels: u32| ((f64::from(pixels) * times).round() as u32).max(1);
        let (width, height) = (side(self.width), side(self.height));
        let to = Size {
            height: height as usize,
            width: width as usize,
        };
        let pixels = resize_upright(&self.stored, self.stored_size(), self.turn, to);
        Self::from_rgb(width, height, pixels, self.format)
    }

    /// The picture as a JPEG file, upright.
    pub fn to_jpeg(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let colours = ExtendedColorType::Rgb8;
        JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
            .write_image(&self.pixels(), self.width, self.height, colours)
            .expect("three bytes per pixel, written to memory");
        file
    }

    /// The picture as a PNG file, upright and without loss.
    pub fn to_png(&self) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let encoder =
            PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive);
        let colours = ExtendedColorType::Rgb8;
        encoder
            .write_image(&self.pixels(), self.width, self.height, colours)
            .expect("three bytes per pixel, written to memory");
        file.into_inner()
    }
}

/// A span of shown pixels on the stored side it runs along.
fn as_stored((first, count): (u32, u32), mirrored: bool, side: usize) -> (usize, usize) {
    let (first, count) = (first as usize, count as usize);
    assert!(
        count > 0 && first + count <= side,
        "an area lies within its picture"
    );
    let first = if mirrored {
        side - first - count
    } else {
        first
    };
    (first, count)
}

#[cfg(test)]
mod tests {
    use image::metadata::Orientation;
    use proptest::prelude::*;

    use super::*;
    use crate::picture::{PictureFormat, PictureLimits, decode};

    /// A picture whose every pixel says where it is as stored.
    fn stored(width: u32, height: u32, exif: u8) -> Picture {
        let place = |at: u32| {
            [
                (at % width) as u8,
                (at / width) as u8,
                ((at / width) >> 8) as u8,
            ]
        };
        let pixels = (0..width * height).flat_map(place).collect();
        let turn = Turn::from(Orientation::from_exif(exif).expect("one of eight"));
        let (width, height) = if turn.quarter {
            (height, width)
        } else {
            (width, height)
        };
        Picture::from_stored(width, height, pixels, turn, PictureFormat::Jpeg)
    }

    /// The pixels of an area, taken one by one from the whole picture.
    fn plain(picture: &Picture, area: Area) -> Vec<u8> {
        let whole = picture.pixels();
        let mut piece = Vec::new();
        for y in area.top..area.top + area.height {
            for x in area.left..area.left + area.width {
                let at = (y as usize * picture.width as usize + x as usize) * 3;
                piece.extend_from_slice(&whole[at..at + 3]);
            }
        }
        piece
    }

    #[test]
    fn a_box_touches_whole_pixels_and_at_least_one() {
        let touched = |corners| Area::touched(corners, 333, 7);
        let area = |left, top, width, height| Area {
            left,
            top,
            width,
            height,
        };
        assert_eq!(touched([0.0, 0.0, 1000.0, 1000.0]), area(0, 0, 333, 7));
        assert_eq!(touched([500.0, 500.0, 501.0, 501.0]), area(166, 3, 1, 1));
        assert_eq!(touched([999.9, 999.9, 1000.0, 1000.0]), area(332, 6, 1, 1));
        assert_eq!(touched([1000.0, 0.0, 1000.0, 0.0]), area(332, 0, 1, 1));
        assert_eq!(
            touched([900.0, 900.0, -5.0, f32::INFINITY]),
            area(0, 6, 300, 1)
        );
    }

    #[test]
    fn a_piece_larger_is_still_the_same_piece() {
        let piece = stored(40, 30, 6).cut(Area {
            left: 3,
            top: 5,
            width: 10,
            height: 20,
        });
        let larger = piece.scaled(2.5);
        assert_eq!((larger.width, larger.height), (25, 50));
        let upright = Picture::from_rgb(10, 20, piece.pixels().into_owned(), PictureFormat::Png);
        assert_eq!(larger.pixels(), upright.scaled(2.5).pixels());
        assert_eq!(piece.scaled(1.0).pixels(), piece.pixels());
    }

    #[test]
    fn a_png_shows_the_same_pixels() {
        let piece = stored(40, 30, 5).cut(Area {
            left: 3,
            top: 5,
            width: 11,
            height: 7,
        });
        let read = decode(&piece.to_png(), &PictureLimits::default()).expect("a PNG");
        assert_eq!((read.width, read.height), (11, 7));
        assert_eq!(read.pixels(), piece.pixels());
    }

    proptest! {
        #[test]
        fn the_pixels_of_a_box_are_cut_out_whichever_way_a_photo_lies(
            (width, height) in prop_oneof![(1_u32..40, 1_u32..40), (1_u32..3, 150_u32..250), (150_u32..250, 1_u32..3)],
            exif in 1_u8..=8,
            corners in prop::array::uniform4(-50.0_f32..1050.0),
            share in 0.0_f32..0.5,
        ) {
            let picture = stored(width, height, exif);
            let area = Area::touched(corners, picture.width, picture.height);
            let wider = area.with_margin(share, 20, picture.width, picture.height);
            prop_assert!(wider.left <= area.left && wider.top <= area.top);
            prop_assert!(wider.left + wider.width >= area.left + area.width);
            prop_assert!(wider.top + wider.height >= area.top + area.height);
            for area in [area, wider] {
                prop_assert!(area.width > 0 && area.left + area.width <= picture.width);
                prop_assert!(area.height > 0 && area.top + area.height <= picture.height);
                let piece = picture.cut(area);
                prop_assert_eq!(piece.pixels(), plain(&picture, area));
            }
            let (shorter, longer) = (wider.width.min(wider.height), wider.width.max(wider.height));
            let side = if wider.width < wider.height { picture.width } else { picture.height };
            prop_assert!(longer <= shorter * 20 || shorter == side, "{wider:?}");
        }
    }
}
