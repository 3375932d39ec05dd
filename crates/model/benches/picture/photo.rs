//! A drawn photograph of 12 million pixels, as phones store them: YCbCr with colours at a quarter of
//! the resolution, about 4 MB. Detail falls off with its size as in nature, hard-edged plates stand
//! for labels, and a sensor's grain lies over all. The same bytes every time.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

pub const WIDTH: u32 = 4000;
pub const HEIGHT: u32 = 3000;
const QUALITY: u8 = 92;
/// Sides of the cells of the noise, in pixels, with the height of each.
const OCTAVES: [(u32, f32); 7] = [
    (1024, 90.0),
    (256, 44.0),
    (64, 22.0),
    (16, 12.0),
    (8, 7.0),
    (4, 4.0),
    (2, 2.5),
];
const PLATES: u32 = 400;

/// How the photo is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Baseline,
    Progressive,
    /// Baseline, with the note that it has to be turned by a quarter.
    Turned,
}

/// Red, green and blue of each pixel.
pub fn pixels() -> Vec<u8> {
    let mut pixels = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let light: f32 = OCTAVES.iter().map(|&octave| noise(x, y, octave, 0)).sum();
            for colour in 0..3 {
                // Colours vary less than light, and over larger distances.
                let tint =
                    noise(x, y, (512, 40.0), 1 + colour) + noise(x, y, (64, 10.0), 4 + colour);
                let grain = (hash(x, y, 8 + colour) % 21) as f32 - 10.0;
                pixels.push((128.0 + light + tint + grain).clamp(0.0, 255.0) as u8);
            }
        }
    }
    for plate in 0..PLATES {
        let (left, top) = (hash(plate, 0, 20) % WIDTH, hash(plate, 1, 20) % HEIGHT);
        let (wide, high) = (6 + hash(plate, 2, 20) % 60, 4 + hash(plate, 3, 20) % 30);
        let ink = hash(plate, 4, 20).to_le_bytes();
        for y in top..(top + high).min(HEIGHT) {
            for x in left..(left + wide).min(WIDTH) {
                let at = ((y * WIDTH + x) * 3) as usize;
                pixels[at..at + 3].copy_from_slice(&ink[..3]);
            }
        }
    }
    pixels
}

/// The photo as a file.
pub fn jpeg(pixels: &[u8], kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(kind == Kind::Progressive);
    if kind == Kind::Turned {
        // One entry: orientation, a short, 6.
        let exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        encoder.add_exif_metadata(exif).expect("a short block");
    }
    encoder
        .encode(pixels, WIDTH as u16, HEIGHT as u16, ColorType::Rgb)
        .expect("memory is writable");
    bytes
}

/// Random values at the corners of cells, smoothly joined; between minus and plus half of `height`.
fn noise(x: u32, y: u32, (cell, height): (u32, f32), layer: u32) -> f32 {
    let (column, row) = (x / cell, y / cell);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (across, down) = (
        ease((x % cell) as f32 / cell as f32),
        ease((y % cell) as f32 / cell as f32),
    );
    let corner = |right: u32, below: u32| {
        (hash(column + right, row + below, layer + 100 * cell) >> 8) as f32 / (1 << 24) as f32
    };
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let top = mix(corner(0, 0), corner(1, 0), across);
    let bottom = mix(corner(0, 1), corner(1, 1), across);
    (mix(top, bottom, down) - 0.5) * height
}

fn hash(a: u32, b: u32, c: u32) -> u32 {
    let mut mixed = a
        .wrapping_mul(0x9E37_79B1)
        .wrapping_add(b.wrapping_mul(0x85EB_CA77))
        .wrapping_add(c.wrapping_mul(0xC2B2_AE3D));
    for shift in [15, 13, 16] {
        mixed = (mixed ^ (mixed >> shift)).wrapping_mul(0x2C1B_3C6D | 1);
    }
    mixed
}
