//! Where the golden pictures are, and how to read one as plain pixels.

use std::path::PathBuf;

use model::picture::{Picture, PictureFormat, PictureLimits, decode};

/// A file under `golden/`.
pub fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../golden")
        .join(path)
}

/// Its bytes.
pub fn bytes(path: &str) -> Vec<u8> {
    std::fs::read(golden(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A picture through the decoder under test.
pub fn decoded(path: &str) -> Picture {
    decode(&bytes(path), &PictureLimits::default())
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pixels of a stored RGB PNG, read by the library alone.
pub fn stored(path: &str) -> Picture {
    let rgb = image::load_from_memory_with_format(&bytes(path), image::ImageFormat::Png)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .into_rgb8();
    Picture::from_rgb(
        rgb.width(),
        rgb.height(),
        rgb.into_raw(),
        PictureFormat::Png,
    )
}

/// The largest and the mean difference of two pictures of one size, in steps of 255.
pub fn difference(a: &Picture, b: &Picture) -> (u8, f64) {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let (ours, theirs) = (a.pixels(), b.pixels());
    let steps = (ours.iter().zip(theirs.iter())).map(|(&a, &b)| a.abs_diff(b));
    let sum: u64 = steps.clone().map(u64::from).sum();
    (steps.max().unwrap_or(0), sum as f64 / ours.len() as f64)
}
