//! Which kernel gives a product, and how it is cut into blocks. The figures here are calculated, not measured.

use super::start::Asked;
use super::weight::Form;
use crate::driver::Properties;

/// Up to so many rows the time is that of reading the weights: `gemv.cu`, which reads them once, straight into
/// registers, for two groups of 8 rows. For more rows every operand is used often enough to be worth its way through
/// shared memory: `gemm.cu`. Both multiply on tensor cores, so there is nothing between them to choose by.
pub(super) const FEW_ROWS: usize = 16;
/// Up to so many rows `gemv.cu` gives each block 16 outputs, and more blocks have loads under way. Beyond, blocks of 32 halve
/// how often x is read: for 8 rows of 16 outputs that is half as many bytes as the weights in bfloat16.
const NARROW_ROWS: usize = 2;
/// Warps on a multiprocessor that keep its memory busy: each has 4 KiB under way, and 4.8 TB/s at 0.7 us, shared
/// by 132, are 25 KiB.
const BUSY_WARPS: usize = 8;

/// Most bytes that parts of sums may take.
const MOST_PARTS: u64 = 64 << 20;
/// What leaving and summing a part of a tile costs, in steps of a large tile (32 inputs): 128 KiB through the second-level
/// cache, some 30 bytes per cycle and multiprocessor, where a step takes 412 cycles.
const PART_STEPS: f64 = 11.0;
/// A step of a small tile, in those of a large one. It has a quarter of the products and is limited by the second-level
/// cache.
const SMALL_STEP: f64 = 0.375;

/// A kernel and its blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    pub(super) kernel: &'static str,
    pub(super) grid: [u32; 3],
    pub(super) threads: u32,
    pub(super) shared: u32,
    /// Room for parts of sums.
    pub(super) parts_bytes: u64,
}

/// For products of one input; those of many rows are all of one form.
pub(super) fn kernel(device: &Properties, rows: usize, asked: &[&Asked<'_>]) -> Choice {
    let multiprocessors = device.multiprocessors as usize;
    if rows <= FEW_ROWS {
        few(multiprocessors, rows, asked)
    } else {
        many(multiprocessors, rows, asked)
    }
}

fn few(multiprocessors: usize, rows: usize, asked: &[&Asked<'_>]) -> Choice {
    let gated = asked.iter().any(|asked| asked.gated());
    // Tiles of 16 outputs, groups of 8 rows, most warps.
    let (kernel, tiles, groups, most) = match rows {
        0..=NARROW_ROWS if !gated => ("multiply_few_narrow", 1, 1, 8),
        0..=8 => ("multiply_few_wide", 2, 1, 16),
        _ => ("multiply_some_wide", 2, 2, 12),
    };
    let blocks: usize = asked.iter().map(|asked| asked.blocks(16 * tiles)).sum();
    // As few warps as keep the memory busy: they share the spans of a row, and the last round of spans is seldom full.
    let spans = asked.iter().map(|asked| asked.spans()).max().unwrap_or(1);
    let enough = (BUSY_WARPS * multiprocessors).div_ceil(blocks);
    let warps = [4, 8, 12, 16]
        .into_iter()
        .filter(|&warps| warps <= most && warps <= spans.max(4))
        .min_by_key(|&warps| {
            let rounds = spans.div_ceil(warps);
            // Idle turns of a row count double where there is memory to be kept busy anyway.
            let idle = rounds * warps - spans;
            (enough.saturating_sub(warps), idle * 8 / spans, warps)
        })
        .unwrap_or(4);
    Choice {
        kernel,
        grid: [blocks as u32, 1, 1],
        threads: 32 * warps as u32,
        shared: (warps * 8 * groups * (16 * tiles + 4) * size_of::<f32>()) as u32,
        parts_bytes: 0,
    }
}

/// A tile of `gemm.cu`, and its kernels by form. Sides and stages are those of the kernels.
struct Tile {
    /// Rows, and as many outputs.
    side: usize,
    kernels: [&'static str; 3],
    /// Stages by form.
    stages: [usize; 3],
    /// What a step of 32 inputs takes.
    step: f64,
}

const LARGE: Tile = Tile {
    side: 128,
    kernels: [
        "multiply_many_bf16_large",
        "multiply_many_q8_large",
        "multiply_many_q4_large",
    ],
    stages: [4, 3, 2],
    step: 1.0,
};
const SMALL: Tile = Tile {
    side: 64,
    kernels: [
        "multiply_many_bf16_small",
        "multiply_many_q8_small",
        "multiply_many_q4_small",
    ],
    stages: [4, 3, 2],
    step: SMALL_STEP,
};

impl Tile {
    fn shared(&self, form: Form) -> usize {
        let steps = form.span_inputs() / 32;
        let stage = self.side * 64 * (steps + 1);
        let factors = match form {
            Form::Bf16 => 0,
            Form::Q8 => 1,
            Form::Q4 => 4,
        };
        self.stages[form as usize] * stage + 2 * self.side * factors * size_of::<u32>()
    }
}

/// The tile and the number of blocks per tile (each has some of the inputs) that are soonest done: so many rounds of
/// blocks on the multiprocessors, of so many steps each, and what sharing a tile costs.
fn many(multiprocessors: usize, rows: usize, asked: &[&Asked<'_>]) -> Choice {
    let form = asked[0].form();
    let spans = asked[0].spans();
    let steps = (spans * form.span_inputs() / 32) as f64;
    let mut best = (f64::INFINITY, None);
    for tile in [&LARGE, &SMALL] {
        let outputs: usize = asked.iter().map(|asked| asked.blocks(tile.side)).sum();
        let tiles = rows.div_ceil(tile.side) * outputs;
        for splits in 1..=spans.min(16) {
            let parts_bytes = match splits {
                1 => 0,
                _ => (tiles * splits * tile.side * tile.side * size_of::<f32>()) as u64,
            };
            if parts_bytes > MOST_PARTS {
                break;
            }
            let rounds = (tiles * splits).div_ceil(multiprocessors) as f64;
            let part = match splits {
                1 => 0.0,
                _ => PART_STEPS * (tile.side * tile.side) as f64 / (128.0 * 128.0),
            };
            let time = rounds * (steps * tile.step / splits as f64 + part);
            if time < best.0 {
                let choice = Choice {
                    kernel: tile.kernels[form as usize],
                    grid: [tiles as u32, 1, splits as u32],
                    threads: 128,
                    shared: tile.shared(form) as u32,
                    parts_bytes,
                };
                best = (time, Some(choice));
            }
        }
    }
    best.1.expect("one block per tile is always possible")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_fits_the_shared_memory_of_every_card() {
        for tile in [&LARGE, &SMALL] {
            for form in Form::ALL {
                assert!(
                    tile.shared(form) <= 99 << 10,
                    "{}",
                    tile.kernels[form as usize]
                );
                let sums = tile.side * tile.side * size_of::<f32>();
                assert!(tile.shared(form) >= sums, "the tile leaves through it");
            }
        }
    }
}
