//! Pictures against the reference processor, stage by stage: pixels, sizes, resized pixels, patches.
//! Bounds: exact everywhere but in JPEG decoding, where decoders differ by right.

mod picture_support;

use formats::{Checkpoint, Safetensors};
use model::config::{Config, PreprocessorConfig};
use model::picture::{Picture, PictureError, Preprocessor, Size, resize, smart_resize};
use picture_support::{bytes, decoded, difference, golden, stored};
use serde::Deserialize;

/// One row of `images/preprocess.json`.
#[derive(Deserialize)]
struct Row {
    /// Name with its variant: `odd`, `exif6.upright`, ...
    image: String,
    budget: String,
    input_hw: [usize; 2],
    resized_hw: [usize; 2],
    grid_thw: [usize; 3],
    tokens: usize,
}

impl Row {
    fn resized(&self) -> String {
        format!("images/resized/{}/{}.png", self.budget, self.image)
    }
}

fn rows() -> Vec<Row> {
    let rows: Vec<Row> = serde_json::from_slice(&bytes("images/preprocess.json")).expect("rows");
    assert_eq!(rows.len(), 33);
    rows
}

/// The preprocessor of a budget, without a cap of our own.
fn preprocessor(budget: &str) -> Preprocessor {
    let (config, vision) = match budget {
        "real" => (PreprocessorConfig::released(), Config::qwen3_vl_4b().vision),
        name => {
            let checkpoint = Checkpoint::open(&golden("checkpoints").join(name))
                .expect("the golden checkpoint opens");
            let vision = Config::of(&checkpoint)
                .expect("the golden checkpoint opens")
                .vision;
            (
                PreprocessorConfig::of(&checkpoint).expect("the golden checkpoint opens"),
                vision,
            )
        }
    };
    Preprocessor::new(&config, &vision, usize::MAX).expect("one model")
}

fn size([height, width]: [usize; 2]) -> Size {
    Size { height, width }
}

#[test]
fn sizes_grids_and_tokens_are_those_of_the_reference() {
    for row in rows() {
        let preprocessor = preprocessor(&row.budget);
        let [height, width] = row.input_hw.map(|side| side as u32);
        let resized = preprocessor.size(width, height).unwrap();
        assert_eq!(
            resized,
            size(row.resized_hw),
            "{} {}",
            row.image,
            row.budget
        );
        assert_eq!(preprocessor.tokens(width, height), Ok(row.tokens));
        let picture = stored(&format!("images/decoded/{}.png", row.image));
        let grid = preprocessor.patches(&picture).unwrap().grid;
        assert_eq!([1, grid.height, grid.width], row.grid_thw);
        assert_eq!(grid.tokens(2), row.tokens);
    }
}

#[test]
fn resized_pixels_are_those_of_the_reference() {
    for row in rows() {
        let input = stored(&format!("images/decoded/{}.png", row.image));
        let out = resize(&input.pixels(), size(row.input_hw), size(row.resized_hw));
        assert!(
            out == *stored(&row.resized()).pixels(),
            "{} at {}",
            row.image,
            row.budget
        );
    }
}

#[test]
fn patches_are_those_of_the_reference() {
    for checkpoint in ["tiny-a", "tiny-b"] {
        let file = Safetensors::open(&golden(&format!("{checkpoint}/pixels.safetensors"))).unwrap();
        let preprocessor = preprocessor(checkpoint);
        let names: Vec<_> = file.names().map(str::to_owned).collect();
        assert_eq!(names.len(), 11);
        for name in names {
            let tensor = file.tensor(&name).unwrap();
            let picture = stored(&format!("images/decoded/{name}.png"));
            let patches = preprocessor.patches(&picture).unwrap();
            assert_eq!(
                tensor.shape(),
                [patches.grid.patches(), 1536],
                "{checkpoint} {name}"
            );
            let exact = tensor
                .to_f32()
                .iter()
                .zip(&patches.values)
                .all(|(a, b)| a == b);
            assert!(exact, "{checkpoint} {name}");
        }
    }
}

#[test]
fn forty_sizes_are_those_of_the_reference_and_thin_ones_are_refused() {
    #[derive(Deserialize)]
    struct Cases {
        factor: usize,
        shortest_edge: usize,
        longest_edge: usize,
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        input_hw: [usize; 2],
        resized_hw: Option<[usize; 2]>,
    }
    let cases: Cases = serde_json::from_slice(&bytes("images/smart_resize.json")).unwrap();
    assert_eq!(cases.cases.len(), 40);
    for Case {
        input_hw,
        resized_hw,
    } in cases.cases
    {
        let [height, width] = input_hw.map(|side| side as u32);
        let (least, most) = (cases.shortest_edge, cases.longest_edge);
        match (
            smart_resize(width, height, cases.factor, least, most),
            resized_hw,
        ) {
            (Ok(have), Some(want)) => assert_eq!(have, size(want), "{input_hw:?}"),
            (Err(PictureError::TooThin { .. }), None) => {}
            (have, want) => panic!("{input_hw:?}: {have:?} against {want:?}"),
        }
    }
}

/// What a person sees in each input: upright, alpha on white.
#[test]
fn lossless_pictures_decode_to_the_reference_pixels() {
    for (file, expected) in [
        ("odd.png", "odd"),
        ("label.bmp", "label"),
        ("strip.png", "strip"),
        ("tower.png", "tower"),
        ("gray.png", "gray"),
        ("palette.png", "palette"),
        ("alpha.png", "alpha.on_white"),
    ] {
        let have = decoded(&format!("images/{file}"));
        let want = stored(&format!("images/decoded/{expected}.png"));
        assert_eq!(difference(&have, &want), (0, 0.0), "{file}");
        assert_eq!(have.digest(), want.digest(), "{file}");
    }
}

/// Decoders of JPEG differ: by a few steps where the colours have full resolution, by more at edges
/// where they have a quarter of it, so there the mean is bounded.
#[test]
fn jpeg_pictures_decode_to_nearly_the_reference_pixels() {
    let upright = decoded("images/exif6.jpg");
    let (largest, _) = difference(&upright, &stored("images/decoded/exif6.upright.png"));
    assert!(largest <= 4, "{largest}");
    let photo = decoded("images/photo.jpg");
    let (_, mean) = difference(&photo, &stored("images/decoded/photo.png"));
    assert!(mean <= 1.0, "{mean}");
}

#[test]
fn a_budget_in_tokens_caps_a_phone_photo() {
    let vision = Config::qwen3_vl_4b().vision;
    let config = PreprocessorConfig::released();
    let tokens = |budget| {
        Preprocessor::new(&config, &vision, budget)
            .unwrap()
            .tokens(4000, 3000)
    };
    assert_eq!(tokens(usize::MAX), Ok(11_750));
    assert_eq!(tokens(Preprocessor::DEFAULT_IMAGE_TOKENS), Ok(1230));
    assert_eq!(tokens(300), Ok(300));
    // A budget below the checkpoint's lower limit wins over that limit.
    assert!(tokens(16).unwrap() <= 16);
    assert!(tokens(0).unwrap() <= 1);
}

#[test]
fn a_preprocessor_for_another_model_is_refused() {
    let vision = Config::qwen3_vl_4b().vision;
    for (patch_size, merge_size) in [(14, 2), (16, 4)] {
        let config = PreprocessorConfig {
            patch_size,
            merge_size,
            ..PreprocessorConfig::released()
        };
        let error = Preprocessor::new(&config, &vision, 1280)
            .unwrap_err()
            .to_string();
        assert!(error.contains("config.json says"), "{error}");
    }
}

#[test]
fn digests_tell_pictures_and_grids_apart_and_formats_not() {
    let preprocessor = preprocessor("tiny-a");
    let odd = decoded("images/odd.png");
    let same = Picture::from_rgb(odd.width, odd.height, odd.pixels().to_vec(), odd.format);
    assert_eq!(odd.digest(), same.digest());
    assert_eq!(
        preprocessor.patches(&odd).unwrap().digest,
        preprocessor.patches(&same).unwrap().digest
    );
    // The same bytes under other dimensions are another picture.
    let turned = Picture::from_rgb(odd.height, odd.width, odd.pixels().to_vec(), odd.format);
    assert_ne!(odd.digest(), turned.digest());
    let mut changed = odd.pixels().to_vec();
    changed[0] ^= 1;
    let changed = Picture::from_rgb(odd.width, odd.height, changed, odd.format);
    assert_ne!(odd.digest(), changed.digest());
}
