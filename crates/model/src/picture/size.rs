//! How large a picture is shown to the model.
//!
//! Sides become multiples of a token's side, the ratio is kept as well as that allows, and the number
//! of pixels is brought between two limits. Source: `smart_resize` of the reference processor; all in
//! double precision, rounding halves to even. Golden: `images/smart_resize.json`.

use super::PictureError;

/// Longer side over shorter side; beyond it nothing on a picture can be read.
const THINNEST: u32 = 200;

/// Sides in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels down.
    pub height: usize,
    /// Pixels across.
    pub width: usize,
}

impl Size {
    /// Pixels in all.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }
}

/// The size at which a picture of `width` x `height` is shown.
///
/// `factor`: side of a token in pixels. The result lies within the limits as closely as whole tokens
/// allow; a picture near the thinnest ratio may exceed `max_pixels`, since no side is below `factor`.
pub fn smart_resize(
    width: u32,
    height: u32,
    factor: usize,
    min_pixels: usize,
    max_pixels: usize,
) -> Result<Size, PictureError> {
    let (shorter, longer) = (width.min(height), width.max(height));
    if shorter == 0 || u64::from(longer) > u64::from(shorter) * u64::from(THINNEST) {
        return Err(PictureError::TooThin {
            width,
            height,
            limit: THINNEST,
        });
    }
    let (w, h, unit) = (f64::from(width), f64::from(height), factor as f64);
    let (least, most) = (min_pixels as f64, max_pixels as f64);

    let nearest = |side: f64| (side / unit).round_ties_even() * unit;
    let pixels = nearest(h) * nearest(w);
    let side = |side: f64| -> f64 {
        if pixels > most {
            let beta = (h * w / most).sqrt();
            ((side / beta / unit).floor() * unit).max(unit)
        } else if pixels < least {
            let beta = (least / (h * w)).sqrt();
            (side * beta / unit).ceil() * unit
        } else {
            nearest(side)
        }
    };
    Ok(Size {
        height: side(h) as usize,
        width: side(w) as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(width: u32, height: u32) -> Size {
        smart_resize(width, height, 32, 65_536, 16_777_216).unwrap()
    }

    #[test]
    fn halves_round_to_even() {
        // 240 / 32 = 7.5 -> 8 and 272 / 32 = 8.5 -> 8.
        assert_eq!(released(2400, 240).height, 256);
        assert_eq!(released(2400, 272).height, 256);
    }

    #[test]
    fn tiny_pictures_are_scaled_up_and_never_to_nothing() {
        for (width, height) in [(1, 1), (28, 36), (1, 200), (200, 1), (16, 16)] {
            let size = released(width, height);
            assert!(
                size.pixels() >= 65_536,
                "{width} x {height} became {size:?}"
            );
            assert!(size.width.is_multiple_of(32) && size.height.is_multiple_of(32));
        }
        // Without a lower limit to speak of, a side still has one token.
        for (width, height) in [(1, 1), (3, 600)] {
            let size = smart_resize(width, height, 32, 1, 4096).unwrap();
            assert!(
                size.width >= 32 && size.height >= 32,
                "{width} x {height} became {size:?}"
            );
        }
    }

    #[test]
    fn a_ratio_of_200_passes_and_beyond_it_is_refused() {
        assert!(smart_resize(2000, 10, 32, 65_536, 16_777_216).is_ok());
        let error = smart_resize(2001, 10, 32, 65_536, 16_777_216).unwrap_err();
        assert_eq!(
            error,
            PictureError::TooThin {
                width: 2001,
                height: 10,
                limit: 200
            }
        );
        assert!(smart_resize(10, u32::MAX, 32, 65_536, 16_777_216).is_err());
    }

    #[test]
    fn the_largest_dimensions_do_not_overflow() {
        let size = released(u32::MAX, u32::MAX);
        assert_eq!(
            size,
            Size {
                height: 4096,
                width: 4096
            }
        );
    }
}
