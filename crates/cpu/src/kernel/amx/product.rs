//! Blocks of two by two tiles: every loaded tile is multiplied twice, four loads for four products. Eight registers
//! allow no better ratio.
//!
//! Of the caller's slice of inputs, two panels (16 KB at 256 inputs) meet all rows, so they stay in the first-level
//! cache beside the 16 KB of two tile rows that stream through it. Sums pass through `c` once per slice.

use half::bf16;

use super::{INPUTS, ROW_BYTES, ROWS, Tiles};
use crate::kernel::Panels;
use crate::kernel::wide::Block;
use crate::pack::PANEL;

/// Rows that are multiplied, in tiles of 16 rows by 32 inputs. Strides are in values.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    values: &'a [bf16],
    /// Tiles that lie below each other.
    tiles: usize,
    /// Tiles that follow each other along the inputs.
    steps: usize,
    tile_stride: usize,
    step_stride: usize,
    row_stride: usize,
}

impl<'a> Left<'a> {
    /// Rows as they lie in a matrix, `stride` values apart: `16 tiles` of them, `32 steps` values each. Panics if
    /// `values` is too short.
    pub(crate) fn rows(values: &'a [bf16], tiles: usize, steps: usize, stride: usize) -> Self {
        let left = Self {
            values,
            tiles,
            steps,
            tile_stride: ROWS * stride,
            step_stride: INPUTS,
            row_stride: stride,
        };
        left.checked()
    }

    /// Tiles that each lie in one piece, `[tiles][stride / 512][16][32]`; `steps` of each row of tiles. Panics if
    /// `values` is too short.
    pub(crate) fn packed(values: &'a [bf16], tiles: usize, steps: usize, stride: usize) -> Self {
        let left = Self {
            values,
            tiles,
            steps,
            tile_stride: stride,
            step_stride: ROWS * INPUTS,
            row_stride: INPUTS,
        };
        left.checked()
    }

    fn checked(self) -> Self {
        if self.tiles > 0 && self.steps > 0 {
            let last = (self.tiles - 1) * self.tile_stride
                + (self.steps - 1) * self.step_stride
                + (ROWS - 1) * self.row_stride;
            assert!(last + INPUTS <= self.values.len());
        }
        self
    }
}

/// See [`super::Unit::product`].
#[inline(always)]
pub(super) fn product(
    tiles: &mut impl Tiles,
    x: Left<'_>,
    w: Panels<'_, u32>,
    fresh: bool,
    c: &mut Block,
) {
    assert!(w.depth == x.steps * ROWS && w.count <= 4 && x.steps > 0);
    assert!(c.len() == x.tiles * ROWS);
    for panel in (0..w.count).step_by(2) {
        for tile in (0..x.tiles).step_by(2) {
            // SAFETY: tiles and panels `tile + 1` and `panel + 1` exist where the block has two of them; `c` has
            // 16 rows for every tile, and 64 outputs for up to four panels.
            unsafe {
                match (x.tiles - tile > 1, w.count - panel > 1) {
                    (true, true) => block::<2, 2>(tiles, x, w, fresh, c, tile, panel),
                    (true, false) => block::<2, 1>(tiles, x, w, fresh, c, tile, panel),
                    (false, true) => block::<1, 2>(tiles, x, w, fresh, c, tile, panel),
                    (false, false) => block::<1, 1>(tiles, x, w, fresh, c, tile, panel),
                }
            }
        }
    }
}

/// M tiles by N panels. Registers: sums 0 to 3, rows 4 and 5, weights 6 and 7.
///
/// # Safety
/// Tiles `tile..tile + M` and panels `panel..panel + N` exist, of one depth, and `c` has their rows and outputs.
#[inline(always)]
unsafe fn block<const M: usize, const N: usize>(
    tiles: &mut impl Tiles,
    x: Left<'_>,
    w: Panels<'_, u32>,
    fresh: bool,
    c: &mut Block,
    tile: usize,
    panel: usize,
) {
    let c_stride = size_of_val(&c[0]);
    // SAFETY: `Left` and `Panels` hold what they say: every tile and step lies inside; the caller answers for `c`.
    unsafe {
        let c_at = c.as_mut_ptr().add(tile * ROWS).cast::<f32>();
        let c_at = c_at.add(panel * PANEL).cast::<u8>();
        let (right, below) = (PANEL * size_of::<f32>(), ROWS * c_stride);
        if fresh {
            tiles.zero::<0>();
            tiles.zero::<1>();
            tiles.zero::<2>();
            tiles.zero::<3>();
        } else {
            tiles.load::<0>(c_at, c_stride);
            if N == 2 {
                tiles.load::<1>(c_at.add(right), c_stride);
            }
            if M == 2 {
                tiles.load::<2>(c_at.add(below), c_stride);
            }
            if M == 2 && N == 2 {
                tiles.load::<3>(c_at.add(below + right), c_stride);
            }
        }
        let x_at = x.values.as_ptr().add(tile * x.tile_stride);
        let x_stride = x.row_stride * size_of::<bf16>();
        let w_at = w.values.as_ptr().add(panel * w.stride);
        for step in 0..x.steps {
            let x_at = x_at.add(step * x.step_stride);
            let w_at = w_at.add(step * ROWS * PANEL);
            tiles.load::<4>(x_at.cast(), x_stride);
            tiles.load::<6>(w_at.cast(), ROW_BYTES);
            tiles.multiply::<0, 4, 6>();
            if N == 2 {
                tiles.load::<7>(w_at.add(w.stride).cast(), ROW_BYTES);
                tiles.multiply::<1, 4, 7>();
            }
            if M == 2 {
                tiles.load::<5>(x_at.add(x.tile_stride).cast(), x_stride);
                tiles.multiply::<2, 5, 6>();
            }
            if M == 2 && N == 2 {
                tiles.multiply::<3, 5, 7>();
            }
        }
        tiles.store::<0>(c_at, c_stride);
        if N == 2 {
            tiles.store::<1>(c_at.add(right), c_stride);
        }
        if M == 2 {
            tiles.store::<2>(c_at.add(below), c_stride);
        }
        if M == 2 && N == 2 {
            tiles.store::<3>(c_at.add(below + right), c_stride);
        }
    }
}

/// Small integers, different everywhere.
#[cfg(any(test, target_arch = "x86_64"))]
fn integer(index: usize) -> bf16 {
    bf16::from_f32((index * 37 % 17) as f32 - 8.0)
}

/// A product of known numbers that uses every kind of block and both ways to begin.
#[cfg(any(test, target_arch = "x86_64"))]
pub(super) fn known(tiles: &mut impl Tiles) -> Vec<[f32; 64]> {
    let (rows, steps, panels) = (3, 2, 3);
    let x: Vec<bf16> = (0..rows * steps * ROWS * INPUTS).map(integer).collect();
    let pair = |index: usize| {
        let [low, high] = [0, 1].map(|half| u32::from(integer(2 * index + half + 5).to_bits()));
        low | high << 16
    };
    let w: Vec<u32> = (0..panels * steps * ROWS * PANEL).map(pair).collect();
    let x = Left::packed(&x, rows, steps, steps * ROWS * INPUTS);
    let w = Panels::new(&w, panels, steps * ROWS, steps * ROWS * PANEL);
    let mut c = vec![[0.0; 64]; rows * ROWS];
    product(tiles, x, w, true, &mut c);
    product(tiles, x, w, false, &mut c);
    c
}

#[cfg(test)]
mod tests {
    use super::super::Unit;
    use super::*;
    use crate::tier::Tier;

    /// Numbers from -1 to 1 that bfloat16 holds.
    fn noise(count: usize, seed: u64) -> Vec<bf16> {
        let mut state = seed;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            bf16::from_f32((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    /// Every number of rows of tiles, steps and panels, rows as in a matrix and in pieces, against plain sums.
    #[test]
    fn products_of_tiles_are_the_plain_products_at_every_size_and_stride() {
        let mut unit = Unit::new(Tier::emulated_amx()).expect("emulated");
        for (tiles, steps, panels, gap) in [
            (1, 1, 1, 0),
            (2, 1, 2, 32),
            (3, 2, 3, 0),
            (1, 3, 4, 64),
            (4, 3, 4, 8),
            (5, 1, 1, 0),
            (2, 5, 3, 32),
        ] {
            let (rows, inputs) = (tiles * ROWS, steps * INPUTS);
            let x_stride = inputs + gap;
            let x = noise(rows * x_stride, 1);
            let w_stride = steps * ROWS * PANEL + gap;
            let w = noise(2 * panels * w_stride, 2);
            let w: &[u32] = bytemuck::cast_slice(&w);
            let weight = |input: usize, output: usize| {
                let pair = w[output / PANEL * w_stride + input / 2 * PANEL + output % PANEL];
                f32::from_bits(if input.is_multiple_of(2) {
                    pair << 16
                } else {
                    pair & 0xffff_0000
                })
            };
            // The same rows, a tile in a piece, with a gap between rows of tiles.
            let piece = steps * ROWS * INPUTS + gap;
            let mut packed = vec![bf16::ONE; tiles * piece];
            for row in 0..rows {
                for input in 0..inputs {
                    let at = row / ROWS * piece
                        + input / INPUTS * ROWS * INPUTS
                        + row % ROWS * INPUTS
                        + input % INPUTS;
                    packed[at] = x[row * x_stride + input];
                }
            }
            let w = Panels::new(w, panels, steps * ROWS, w_stride);
            for left in [
                Left::rows(&x, tiles, steps, x_stride),
                Left::packed(&packed, tiles, steps, piece),
            ] {
                for fresh in [true, false] {
                    let mut c = vec![[7.0; 64]; rows];
                    unit.product(left, w, fresh, &mut c);
                    for (row, c) in c.iter().enumerate() {
                        for (output, found) in c.iter().enumerate() {
                            let product =
                                |k: usize| x[row * x_stride + k].to_f32() * weight(k, output);
                            let expected = if output >= panels * PANEL {
                                7.0
                            } else {
                                let sum: f32 = (0..inputs).map(product).sum();
                                if fresh { sum } else { 7.0 + sum }
                            };
                            assert!(
                                (found - expected).abs() <= 1e-5 * inputs as f32,
                                "{tiles} {steps} {panels} {gap}: row {row}, output {output}: \
                                 {found}, not {expected}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_known_product_is_exact() {
        let mut tiles = super::super::Emulated::new(Tier::best());
        let c = known(&mut tiles);
        let first: f32 = (0..64)
            .map(|k| {
                let x = integer(k / INPUTS * ROWS * INPUTS + k % INPUTS).to_f32();
                let w = integer(2 * (k / 2 * PANEL) + k % 2 + 5).to_f32();
                2.0 * x * w
            })
            .sum();
        assert_eq!(c[0][0], first);
        assert!(c.iter().flatten().any(|value| *value != 0.0));
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn too_few_rows_are_refused() {
        Left::rows(&noise(16 * 40 - 9, 1), 1, 1, 40);
    }
}
