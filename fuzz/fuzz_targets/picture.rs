//! Any bytes as an upload: refused with a sentence, or a picture that can be cut into patches.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::config::{Config, PreprocessorConfig};
use model::picture::{PictureError, PictureLimits, Preprocessor, decode};

/// A budget small enough to be fast, so that the time goes into decoding.
static PREPROCESSOR: LazyLock<Preprocessor> = LazyLock::new(|| {
    let vision = Config::qwen3_vl_4b().vision;
    Preprocessor::new(&PreprocessorConfig::released(), &vision, 4).expect("one model")
});

fuzz_target!(|bytes: &[u8]| {
    let limits = PictureLimits { max_bytes: 1 << 20, max_pixels: 1 << 18 };
    let picture = match decode(bytes, &limits) {
        Ok(picture) => picture,
        Err(error) => {
            assert!(error.to_string().ends_with('.'), "{error}");
            return;
        }
    };
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    assert!(pixels > 0 && pixels <= limits.max_pixels);
    assert_eq!(picture.pixels().len() as u64, 3 * pixels);
    match PREPROCESSOR.patches(&picture) {
        Ok(patches) => {
            assert_eq!(patches.values.len(), patches.grid.patches() * 1536);
            assert_eq!(
                Ok(patches.grid.tokens(2)),
                PREPROCESSOR.tokens(picture.width, picture.height)
            );
            assert!(patches.values.iter().all(|value| (-1.0..=1.0).contains(value)));
        }
        Err(error) => assert!(matches!(error, PictureError::TooThin { .. }), "{error}"),
    }
});
