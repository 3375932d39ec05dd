//! Reading the golden files.

use std::ops::Range;
use std::path::{Path, PathBuf};

use formats::{Checkpoint, Safetensors};
use model::picture::{Grid, Patches};
use serde::Deserialize;

/// The two checkpoints.
pub const CHECKPOINTS: [&str; 2] = ["tiny-a", "tiny-b"];

/// Where the golden files lie.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden")
}

/// A checkpoint and what the reference implementation made of it.
pub struct Golden {
    pub checkpoint: Checkpoint,
    folder: PathBuf,
    pixels: Safetensors,
}

/// One prompt.
pub struct Prompt {
    pub name: String,
    /// Image variants in prompt order.
    pub images: Vec<String>,
    pub rope_delta: i64,
    /// Placeholders expanded.
    pub ids: Vec<u32>,
    pub positions: Vec<[u32; 3]>,
    pub greedy_ids: Vec<u32>,
    pub greedy_margins: Vec<f32>,
    file: Safetensors,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    images: Vec<String>,
    rope_delta: i64,
    greedy_ids: Vec<u32>,
    greedy_margins: Vec<f32>,
}

impl Golden {
    pub fn open(checkpoint: &str) -> Self {
        let folder = root().join(checkpoint);
        Self {
            checkpoint: Checkpoint::open(&root().join("checkpoints").join(checkpoint))
                .expect("a golden checkpoint"),
            pixels: Safetensors::open(&folder.join("pixels.safetensors")).expect("golden pixels"),
            folder,
        }
    }

    pub fn prompts(&self) -> Vec<Prompt> {
        let text = std::fs::read(self.folder.join("prompts.json")).expect("golden prompts");
        let entries: Vec<Entry> = serde_json::from_slice(&text).expect("golden prompts");
        assert_eq!(entries.len(), 5);
        entries
            .into_iter()
            .map(|entry| self.prompt(entry))
            .collect()
    }

    fn prompt(&self, entry: Entry) -> Prompt {
        let path = self.folder.join(format!("{}.safetensors", entry.name));
        let file = Safetensors::open(&path).expect("a golden prompt");
        let integers = |name| file.tensor(name).expect("a golden tensor").to_i64();
        let ids: Vec<u32> = integers("input_ids")
            .into_iter()
            .map(|id| id as u32)
            .collect();
        let axes = integers("position_ids");
        let rows = ids.len();
        let position = |row| std::array::from_fn(|axis| axes[axis * rows + row] as u32);
        Prompt {
            name: entry.name,
            images: entry.images,
            rope_delta: entry.rope_delta,
            positions: (0..rows).map(position).collect(),
            ids,
            greedy_ids: entry.greedy_ids,
            greedy_margins: entry.greedy_margins,
            file,
        }
    }

    /// The stored pixels of a prompt's pictures.
    pub fn patches(&self, prompt: &Prompt) -> Vec<Patches> {
        if prompt.images.is_empty() {
            return Vec::new();
        }
        let grids = prompt.integers("image_grid_thw");
        prompt
            .images
            .iter()
            .zip(grids.chunks_exact(3))
            .map(|(image, grid)| Patches {
                grid: Grid {
                    height: grid[1] as usize,
                    width: grid[2] as usize,
                },
                values: self.pixels.tensor(image).expect("golden pixels").to_f32(),
                digest: [0; 32],
            })
            .collect()
    }
}

impl Prompt {
    pub fn has(&self, tensor: &str) -> bool {
        self.file.tensor(tensor).is_some()
    }

    pub fn tensor(&self, name: &str) -> Vec<f32> {
        self.file.tensor(name).expect("a golden tensor").to_f32()
    }

    pub fn integers(&self, name: &str) -> Vec<i64> {
        self.file.tensor(name).expect("a golden tensor").to_i64()
    }

    /// Where the pictures' tokens stand.
    pub fn spans(&self, image_token: u32) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for index in (0..self.ids.len()).filter(|&index| self.ids[index] == image_token) {
            match spans.last_mut() {
                Some(span) if span.end == index => span.end += 1,
                _ => spans.push(index..index + 1),
            }
        }
        assert_eq!(spans.len(), self.images.len());
        spans
    }
}

/// Largest absolute difference; infinite where lengths differ or a value is not finite.
pub fn largest_difference(expected: &[f32], found: &[f32]) -> f32 {
    if expected.len() != found.len() || found.iter().any(|value| !value.is_finite()) {
        return f32::INFINITY;
    }
    expected
        .iter()
        .zip(found)
        .map(|(e, f)| (e - f).abs())
        .fold(0.0, f32::max)
}

/// Root mean square of the differences over that of the expected values.
pub fn relative_rms(expected: &[f32], found: &[f32]) -> f32 {
    let square = |value: f32| f64::from(value) * f64::from(value);
    let off: f64 = expected.iter().zip(found).map(|(e, f)| square(e - f)).sum();
    let size: f64 = expected.iter().copied().map(square).sum();
    (off / size).sqrt() as f32
}
