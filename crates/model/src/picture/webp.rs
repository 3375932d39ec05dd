//! Whether the parts of a WebP file lie inside it, and how large the pictures in them are.
//!
//! The decoder reserves what a part announces before it looks whether it is there, and it believes
//! the size of the canvas while a frame inside may announce another. Both are checked here, before
//! it is asked. Source: RFC 9649.

use super::{PictureError, PictureFormat};

const HEADER: usize = 12;
const CHUNK_HEADER: usize = 8;
/// Position, size, duration and flags of an animation frame, before its own parts.
const FRAME_HEADER: usize = 16;

/// The file without what follows it.
pub(super) fn check(bytes: &[u8], max_pixels: u64) -> Result<&[u8], PictureError> {
    let size = bytes.get(4..8).map_or(0, length) + CHUNK_HEADER;
    let Some(file) = bytes.get(..size).filter(|file| file.len() >= HEADER) else {
        return Err(damaged(format!("{} bytes of {size}", bytes.len())));
    };
    check_chunks(&file[HEADER..], max_pixels, true)?;
    Ok(file)
}

/// One chunk after the other; a frame of an animation holds chunks of its own.
fn check_chunks(mut rest: &[u8], max_pixels: u64, outermost: bool) -> Result<(), PictureError> {
    while let Some((header, after)) = rest.split_first_chunk::<CHUNK_HEADER>() {
        let (name, size) = (&header[..4], length(&header[4..]));
        let Some(body) = after.get(..size) else {
            let name = name.escape_ascii();
            return Err(damaged(format!(
                "chunk {name} has {} bytes of {size}",
                after.len()
            )));
        };
        match name {
            b"VP8 " => check_pixels(lossy_size(body), max_pixels)?,
            b"VP8L" => check_pixels(lossless_size(body), max_pixels)?,
            b"ANMF" if outermost => {
                check_chunks(
                    body.get(FRAME_HEADER..).unwrap_or_default(),
                    max_pixels,
                    false,
                )?;
            }
            _ => {}
        }
        // Chunks are padded to an even length; the pad of the last one is sometimes left out.
        rest = after.get(size + size % 2..).unwrap_or_default();
    }
    Ok(())
}

fn check_pixels(size: Option<(u32, u32)>, limit: u64) -> Result<(), PictureError> {
    match size {
        Some((width, height)) if u64::from(width) * u64::from(height) > limit => {
            Err(PictureError::TooManyPixels {
                width,
                height,
                limit,
            })
        }
        // Without a size the decoder has its own words for what is wrong.
        _ => Ok(()),
    }
}

/// Frame tag and start code, then twice 14 bits of size and 2 of scaling.
fn lossy_size(body: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| {
        Some(u32::from(
            u16::from_le_bytes([*body.get(at)?, *body.get(at + 1)?]) & 0x3FFF,
        ))
    };
    Some((side(6)?, side(8)?))
}

/// A signature byte, then twice 14 bits of size less one.
fn lossless_size(body: &[u8]) -> Option<(u32, u32)> {
    let bits = u32::from_le_bytes(*body.get(1..)?.first_chunk()?);
    Some(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
}

fn length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rev()
        .fold(0, |length, &byte| length << 8 | usize::from(byte))
}

fn damaged(detail: String) -> PictureError {
    PictureError::Damaged {
        format: PictureFormat::WebP,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = [name, (body.len() as u32).to_le_bytes().as_slice(), body].concat();
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        chunk(b"RIFF", &[b"WEBP".as_slice(), &chunks.concat()].concat())
    }

    const LARGE_LOSSY: [u8; 10] = [0, 0, 0, 0x9D, 1, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F];
    const LARGE_LOSSLESS: [u8; 5] = [0x2F, 0xFF, 0xFF, 0xFF, 0x0F];

    #[test]
    fn what_follows_the_file_is_cut_off() {
        let whole = file(&[chunk(b"ICCP", &[1, 2, 3])]);
        let longer = [whole.as_slice(), b"EXIF\xFF\xFF\xFF\xFF"].concat();
        assert_eq!(check(&longer, 100).unwrap(), whole);
    }

    #[test]
    fn a_cut_file_and_a_chunk_that_announces_too_much_are_damaged() {
        let whole = file(&[chunk(b"ICCP", &[1; 30])]);
        for len in 0..whole.len() {
            assert_eq!(
                check(&whole[..len], 100).unwrap_err().code(),
                "picture_damaged",
                "{len}"
            );
        }
        let mut lying = whole;
        lying[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(check(&lying, 100).unwrap_err().code(), "picture_damaged");
    }

    #[test]
    fn a_frame_larger_than_allowed_is_found_wherever_it_stands() {
        let frame = [[0; FRAME_HEADER].as_slice(), &chunk(b"VP8 ", &LARGE_LOSSY)].concat();
        for (chunks, side) in [
            (chunk(b"VP8 ", &LARGE_LOSSY), 16_383),
            (chunk(b"VP8L", &LARGE_LOSSLESS), 16_384),
            (chunk(b"ANMF", &frame), 16_383),
        ] {
            let bytes = file(&[chunk(b"VP8X", &[0; 10]), chunks]);
            let error = check(&bytes, 1 << 20).unwrap_err();
            let limit = 1 << 20;
            assert_eq!(
                error,
                PictureError::TooManyPixels {
                    width: side,
                    height: side,
                    limit
                }
            );
        }
    }
}
