//! Rotary angles of both towers, computed on the host in float32 once per step.
//!
//! Both towers rotate halves: pair (i, i + head_dim/2) of a head turns by angle i, so only half a head
//! of angles is stored. Goldens: `vision.rope_cos/sin`, `text.rope_cos/sin` (which store both halves).

use crate::config::{TextConfig, VisionConfig};
use crate::picture::Grid;
use crate::vision::patch_coordinates;

/// Base of the vision tower's frequencies; it stands in no config file.
const VISION_THETA: f64 = 10_000.0;

/// Cosines and sines, each [rows, half] row-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Angles {
    /// Cosines.
    pub cos: Vec<f32>,
    /// Sines.
    pub sin: Vec<f32>,
    /// Angles per row: half a head.
    pub half: usize,
}

impl Angles {
    fn push(&mut self, angle: f32) {
        self.cos.push(angle.cos());
        self.sin.push(angle.sin());
    }
}

/// `theta^(-2j/dimensions)` for j in `0 .. dimensions/2`, rounded to float32 after each step as the
/// reference does: at position 262,144 one unit in the last place of a frequency is a visible angle.
fn frequencies(theta: f64, dimensions: usize) -> Vec<f32> {
    (0..dimensions / 2)
        .map(|j| 1.0 / (theta as f32).powf((2 * j) as f32 / dimensions as f32))
        .collect()
}

/// Interleaved multi-axis angles: frequency j follows the row where `j % 3 == 1 && j < 3 * section[1]`,
/// the column where `j % 3 == 2 && j < 3 * section[2]`, else time.
/// `positions`: time, row, column of each token.
pub fn text_angles(config: &TextConfig, positions: &[[u32; 3]]) -> Angles {
    let half = config.head_dim / 2;
    let [_, rows, columns] = config.mrope_section;
    let axes: Vec<usize> = (0..half)
        .map(|j| match j % 3 {
            1 if j < 3 * rows => 1,
            2 if j < 3 * columns => 2,
            _ => 0,
        })
        .collect();
    let frequencies = frequencies(config.rope_theta, config.head_dim);
    let mut angles = Angles {
        half,
        ..Angles::default()
    };
    for position in positions {
        for (frequency, &axis) in frequencies.iter().zip(&axes) {
            angles.push(position[axis] as f32 * frequency);
        }
    }
    angles
}

/// Angles of a picture's patches in merge-block order: a quarter head of row angles, then a quarter of
/// column angles.
pub fn vision_angles(config: &VisionConfig, grid: Grid) -> Angles {
    let half = config.head_dim() / 2;
    let frequencies = frequencies(VISION_THETA, half);
    let mut angles = Angles {
        half,
        ..Angles::default()
    };
    for (row, column) in patch_coordinates(grid, config.spatial_merge_size) {
        for position in [row, column] {
            for frequency in &frequencies {
                angles.push(position as f32 * frequency);
            }
        }
    }
    angles
}
