//! From the bytes of an upload to upright RGB pixels.
//!
//! The order matters: bytes are counted first, then the type is told by content, then the header's
//! dimensions are checked, and only then a pixel is decoded: a few kilobytes can announce gigabytes.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::sniff::sniff;
use super::turn::Turn;
use super::{Picture, PictureError, PictureFormat, jpeg, webp};

/// Bounds on one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureLimits {
    /// The most bytes of a file.
    pub max_bytes: u64,
    /// The most pixels. Phones make 12 to 50 million, a few of them 200. This also bounds memory: while
    /// it is decoded a picture takes 3 to 4 bytes per pixel, a progressive JPEG 6 (9 with colours at
    /// full resolution), a PNG with 16 bits and alpha 8, so 0.9 GB at worst at the default. How many
    /// are decoded at once is the caller's to bound.
    pub max_pixels: u64,
}

impl Default for PictureLimits {
    fn default() -> Self {
        Self {
            max_bytes: 20 << 20,
            max_pixels: 100_000_000,
        }
    }
}

/// Memory beside the pixels themselves: headers, colour profiles, lines, small pictures.
const DECODER_BYTES: u64 = 64 << 20;
/// Memory for the pixels: 16-bit RGBA, and as much again beside it.
const DECODER_BYTES_PER_PIXEL: u64 = 16;

/// Decodes `bytes`: any of the known formats, turned upright, alpha laid on white, as 8-bit RGB.
pub fn decode(bytes: &[u8], limits: &PictureLimits) -> Result<Picture, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if bytes.len() as u64 > limits.max_bytes {
        return Err(PictureError::TooLarge {
            bytes: bytes.len() as u64,
            limit: limits.max_bytes,
        });
    }
    let format = sniff(bytes).map_err(|kind| PictureError::TypeUnsupported { kind })?;
    let bytes = match format {
        PictureFormat::Jpeg => jpeg::check(bytes).map(|()| bytes)?,
        PictureFormat::WebP => webp::check(bytes, limits.max_pixels)?,
        _ => bytes,
    };

    let failed = |error: ImageError| explain(error, format);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), library_format(format));
    let mut memory = Limits::no_limits();
    memory.max_alloc = Some(DECODER_BYTES);
    reader.limits(memory.clone());
    // Reads the header only.
    let mut decoder = reader.into_decoder().map_err(failed)?;

    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        let detail = format!("{width} x {height} pixels");
        return Err(PictureError::Damaged { format, detail });
    }
    let pixels = u64::from(width) * u64::from(height);
    let too_many = PictureError::TooManyPixels {
        width,
        height,
        limit: limits.max_pixels,
    };
    if pixels > limits.max_pixels {
        return Err(too_many);
    }
    memory.max_alloc = Some(DECODER_BYTES + pixels * DECODER_BYTES_PER_PIXEL);
    decoder.set_limits(memory).map_err(failed)?;
    // A damaged note on orientation is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);

    let layout = decoder.color_type();
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).map_err(|_| too_many)?];
    decoder.read_image(&mut pixels).map_err(failed)?;
    let Some(rgb) = to_rgb(pixels, layout) else {
        let feature = "floating-point colours";
        return Err(PictureError::VariantUnsupported { format, feature });
    };

    let turn = Turn::from(orientation);
    let (width, height) = if turn.quarter {
        (height, width)
    } else {
        (width, height)
    };
    Ok(Picture::from_stored(width, height, rgb, turn, format))
}

fn library_format(format: PictureFormat) -> ImageFormat {
    match format {
        PictureFormat::Jpeg => ImageFormat::Jpeg,
        PictureFormat::Png => ImageFormat::Png,
        PictureFormat::Bmp => ImageFormat::Bmp,
        PictureFormat::WebP => ImageFormat::WebP,
        PictureFormat::Gif => ImageFormat::Gif,
    }
}

/// A decoder's complaint as one of ours; its words go to the log, not to the user.
fn explain(error: ImageError, format: PictureFormat) -> PictureError {
    match error {
        ImageError::Unsupported(_) => PictureError::VariantUnsupported {
            format,
            feature: "a rare variant of the format",
        },
        other => PictureError::Damaged {
            format,
            detail: other.to_string(),
        },
    }
}

/// 8-bit RGB of any pixel layout; alpha is laid on white, 16 bits are scaled to 8 with rounding. None
/// for float layouts, which none of the formats has.
fn to_rgb(pixels: Vec<u8>, layout: ColorType) -> Option<Vec<u8>> {
    let wide = |low: u8, high: u8| u16::from_ne_bytes([low, high]);
    Some(match layout {
        ColorType::Rgb8 => pixels,
        ColorType::L8 => each_pixel(pixels, |[v]| [v; 3]),
        ColorType::La8 => each_pixel(pixels, |[v, a]| [blend8(v, a); 3]),
        ColorType::Rgba8 => each_pixel(pixels, |[r, g, b, a]| [r, g, b].map(|v| blend8(v, a))),
        ColorType::L16 => each_pixel(pixels, |[l, h]| [to_8_bits(wide(l, h)); 3]),
        ColorType::La16 => each_pixel(pixels, |[l, h, al, ah]| {
            [to_8_bits(blend16(wide(l, h), wide(al, ah))); 3]
        }),
        ColorType::Rgb16 => each_pixel(pixels, |[rl, rh, gl, gh, bl, bh]| {
            [wide(rl, rh), wide(gl, gh), wide(bl, bh)].map(to_8_bits)
        }),
        ColorType::Rgba16 => each_pixel(pixels, |[rl, rh, gl, gh, bl, bh, al, ah]| {
            let alpha = wide(al, ah);
            [wide(rl, rh), wide(gl, gh), wide(bl, bh)].map(|v| to_8_bits(blend16(v, alpha)))
        }),
        _ => return None,
    })
}

/// Makes RGB of each pixel of `N` bytes, in place: at the largest size a second buffer would cost
/// 300 MB.
fn each_pixel<const N: usize>(mut bytes: Vec<u8>, rgb: impl Fn([u8; N]) -> [u8; 3]) -> Vec<u8> {
    let pixels = bytes.len() / N;
    let set = |bytes: &mut [u8], pixel: usize| {
        let mut own = [0; N];
        own.copy_from_slice(&bytes[pixel * N..][..N]);
        bytes[pixel * 3..][..3].copy_from_slice(&rgb(own));
    };
    if N < 3 {
        // From the end, so that a pixel that grows covers only those already read.
        bytes.resize(pixels * 3, 0);
        (0..pixels).rev().for_each(|pixel| set(&mut bytes, pixel));
    } else {
        (0..pixels).for_each(|pixel| set(&mut bytes, pixel));
        bytes.truncate(pixels * 3);
        bytes.shrink_to_fit();
    }
    bytes
}

/// `value` with `alpha` over white, rounded to nearest (a tie cannot occur: 255 is odd).
fn blend8(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// The same in 16 bits.
fn blend16(value: u16, alpha: u16) -> u16 {
    let (value, alpha) = (u64::from(value), u64::from(alpha));
    ((value * alpha + 65_535 * (65_535 - alpha) + 32_767) / 65_535) as u16
}

/// 65535 becomes 255: divided by 257, rounded to nearest.
fn to_8_bits(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}
