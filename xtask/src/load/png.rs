//! PNG files made here: small ones that nobody has seen, and bombs that are small as files and enormous as
//! pictures.
//!
//! Source: Portable Network Graphics, third edition (W3C): signature, chunks, IHDR.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const GREY: u8 = 0;

/// Grey stripes, other ones for every seed.
pub fn stripes(seed: u64) -> Vec<u8> {
    const WIDTH: u32 = 256;
    const HEIGHT: u32 = 192;
    let mut rows = Vec::new();
    for y in 0..u64::from(HEIGHT) {
        rows.push(0);
        let at = |x: u64| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> ((x / 8 + y / 16) % 56);
        rows.extend((0..u64::from(WIDTH)).map(|x| at(x) as u8));
    }
    whole(WIDTH, HEIGHT, 8, &compressed(rows.len(), &rows))
}

/// A complete picture of one bit a pixel, all black.
pub fn bomb(width: u32, height: u32) -> Vec<u8> {
    let row = 1 + width.div_ceil(8) as usize;
    whole(width, height, 1, &compressed(row * height as usize, &[]))
}

fn whole(width: u32, height: u32, bits: u8, data: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([bits, GREY, 0, 0, 0]);
    let mut file = SIGNATURE.to_vec();
    for (kind, data) in [
        (b"IHDR", header.as_slice()),
        (b"IDAT", data),
        (b"IEND", &[]),
    ] {
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(kind);
        file.extend(data);
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(data);
        file.extend(crc.sum().to_be_bytes());
    }
    file
}

/// `bytes`, and zeros up to `length`.
fn compressed(length: usize, bytes: &[u8]) -> Vec<u8> {
    let zeros = vec![0; 1 << 16];
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    let mut left = length.saturating_sub(bytes.len());
    while left > 0 {
        let now = left.min(zeros.len());
        let _ = encoder.write_all(&zeros[..now]);
        left -= now;
    }
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_small_as_a_file_and_no_two_new_pictures_are_the_same() {
        let bomb = bomb(5_000, 5_000);
        assert!(bomb.len() < 5_000, "{} bytes", bomb.len());
        assert_ne!(stripes(1), stripes(2));
        assert_eq!(stripes(1), stripes(1));
    }
}
