//! From the bytes of an upload to upright RGB pixels.
//!
//! The order matters: bytes are counted first, then the type is told by content, then the header's
//! dimensions are checked, and only then a pixel is decoded: a few kilobytes can announce gigabytes.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::sniff::sniff;
use super::{Picture, PictureError, PictureFormat, jpeg, webp};

/// Bounds on one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureLimits {
    /// The most bytes of a file.
    pub max_bytes: u64,
    /// The most pixels. Phones make 12 to 50 million, a few of them 200. This also bounds memory: while
    /// it is decoded a picture takes 4 to 7 bytes per pixel, 11 if it has 16 bits and alpha, so
    /// 1.1 GB at worst at the default.
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
    if pixels > limits.max_pixels {
        return Err(PictureError::TooManyPixels {
            width,
            height,
            limit: limits.max_pixels,
        });
    }
    memory.max_alloc = Some(DECODER_BYTES + pixels * DECODER_BYTES_PER_PIXEL);
    decoder.set_limits(memory).map_err(failed)?;
    // A damaged note on orientation is no reason to refuse the picture.
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);

    let decoded = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let mut upright = DynamicImage::ImageRgb8(on_white(decoded));
    upright.apply_orientation(orientation);
    let rgb = upright.into_rgb8();
    Ok(Picture::from_rgb(
        rgb.width(),
        rgb.height(),
        rgb.into_raw(),
        format,
    ))
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

/// 8-bit RGB of any pixel layout; alpha is laid on white, 16 bits are scaled to 8 with rounding.
fn on_white(picture: DynamicImage) -> image::RgbImage {
    let (width, height) = (picture.width(), picture.height());
    let pixels = match picture {
        DynamicImage::ImageRgb8(rgb) => return rgb,
        DynamicImage::ImageLuma8(gray) => from_gray(gray.as_raw().iter().copied()),
        DynamicImage::ImageLumaA8(gray) => {
            let (pixels, _) = gray.as_raw().as_chunks::<2>();
            from_gray(pixels.iter().map(|&[value, alpha]| blend8(value, alpha)))
        }
        DynamicImage::ImageRgba8(rgba) => rgba_on_white(rgba.into_raw()),
        DynamicImage::ImageLuma16(gray) => from_gray(gray.as_raw().iter().map(|&v| to_8_bits(v))),
        DynamicImage::ImageLumaA16(gray) => {
            let (pixels, _) = gray.as_raw().as_chunks::<2>();
            from_gray(
                pixels
                    .iter()
                    .map(|&[value, alpha]| to_8_bits(blend16(value, alpha))),
            )
        }
        DynamicImage::ImageRgb16(rgb) => rgb.as_raw().iter().map(|&v| to_8_bits(v)).collect(),
        DynamicImage::ImageRgba16(rgba) => {
            let (pixels, _) = rgba.as_raw().as_chunks::<4>();
            let blend =
                |&[r, g, b, a]: &[u16; 4]| [r, g, b].map(|value| to_8_bits(blend16(value, a)));
            pixels.iter().flat_map(blend).collect()
        }
        // Float layouts, which none of the formats above has.
        other => return other.into_rgb8(),
    };
    image::RgbImage::from_raw(width, height, pixels)
        .expect("every branch writes three bytes per pixel")
}

/// In place: at the largest size a second buffer would cost 300 MB.
fn rgba_on_white(mut bytes: Vec<u8>) -> Vec<u8> {
    let pixels = bytes.len() / 4;
    for pixel in 0..pixels {
        let alpha = bytes[4 * pixel + 3];
        for colour in 0..3 {
            bytes[3 * pixel + colour] = blend8(bytes[4 * pixel + colour], alpha);
        }
    }
    bytes.truncate(3 * pixels);
    bytes.shrink_to_fit();
    bytes
}

fn from_gray(values: impl Iterator<Item = u8>) -> Vec<u8> {
    values.flat_map(|value| [value; 3]).collect()
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
