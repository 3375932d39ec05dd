//! How a stored picture has to be turned to be seen as it was meant.
//!
//! Source: Exif 2.32, tag 0x0112; every orientation is at most a transposition and two mirrorings.

use image::metadata::Orientation;

use super::Size;

/// How to get from a stored picture to the one that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// Rows are shown as columns.
    pub(super) quarter: bool,
    /// Stored rows are read from their right end.
    pub(super) from_right: bool,
    /// Stored rows are read from the bottom one.
    pub(super) from_bottom: bool,
}

/// Side of the squares that are turned one after the other, in pixels: both the rows read and the rows
/// written stay in the nearest cache.
const TILE: usize = 16;

impl From<Orientation> for Turn {
    fn from(orientation: Orientation) -> Self {
        let (quarter, from_right, from_bottom) = match orientation {
            Orientation::NoTransforms => (false, false, false),
            Orientation::FlipHorizontal => (false, true, false),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, false, true),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, false, true),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, true, false),
        };
        Self {
            quarter,
            from_right,
            from_bottom,
        }
    }
}

impl Turn {
    /// The size as shown of a size as stored, and the other way around.
    pub(super) fn size(self, size: Size) -> Size {
        if self.quarter {
            Size {
                height: size.width,
                width: size.height,
            }
        } else {
            size
        }
    }

    /// The pixels as shown of `stored` pixels, RGB, of size `from`.
    pub(super) fn upright(self, mut stored: Vec<u8>, from: Size) -> Vec<u8> {
        let (pixels, _) = stored.as_chunks_mut::<3>();
        if !self.quarter {
            // In place: all pixels the other way around, then each row back if need be.
            if self.from_bottom {
                pixels.reverse();
            }
            if self.from_bottom != self.from_right {
                pixels.chunks_mut(from.width).for_each(<[_]>::reverse);
            }
            return stored;
        }
        let mut out = vec![0; pixels.len() * 3];
        let (shown, _) = out.as_chunks_mut::<3>();
        for top in (0..from.height).step_by(TILE) {
            for left in (0..from.width).step_by(TILE) {
                for x in left..(left + TILE).min(from.width) {
                    let shown_y = if self.from_right {
                        from.width - 1 - x
                    } else {
                        x
                    };
                    let rows = top..(top + TILE).min(from.height);
                    let start = if self.from_bottom {
                        from.height - rows.end
                    } else {
                        rows.start
                    };
                    let line = &mut shown[shown_y * from.height + start..][..rows.len()];
                    for (index, pixel) in line.iter_mut().enumerate() {
                        let y = if self.from_bottom {
                            rows.end - 1 - index
                        } else {
                            rows.start + index
                        };
                        *pixel = pixels[y * from.width + x];
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, RgbImage};

    use super::*;

    /// The library turns pictures too, one pixel at a time.
    #[test]
    fn all_orientations_are_turned_as_the_library_does() {
        for (width, height) in [(1, 1), (1, 5), (7, 1), (16, 16), (17, 33), (40, 15)] {
            let stored: Vec<u8> = (0..width * height * 3)
                .map(|index| (index * 7 % 251) as u8)
                .collect();
            for exif in 1..=8 {
                let orientation = Orientation::from_exif(exif).expect("one of eight");
                let turn = Turn::from(orientation);
                let from = Size {
                    height: height as usize,
                    width: width as usize,
                };
                let plain = RgbImage::from_raw(width, height, stored.clone());
                let mut plain = DynamicImage::ImageRgb8(plain.expect("three bytes per pixel"));
                plain.apply_orientation(orientation);
                let shown = turn.size(from);
                assert_eq!(
                    (shown.width, shown.height),
                    (plain.width() as usize, plain.height() as usize)
                );
                assert!(
                    turn.upright(stored.clone(), from) == plain.into_bytes(),
                    "{width} x {height}, orientation {exif}"
                );
            }
        }
    }
}
