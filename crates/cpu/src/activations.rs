//! Activations in the forms that weights are multiplied with. Each is made once and serves every weight that
//! meets the same activations.

use half::bf16;
use ops::HostTensor;

use crate::kernel::amx::product::Left;
use crate::kernel::amx::{INPUTS, ROWS};
use crate::kernel::{Ints, Rows, Work, vectorise};
use crate::pack::{GROUP, Q4_BLOCK, Q4_GROUP, UNIT};
use crate::pool::Pool;
use crate::tier::Tier;

/// Values per task when activations are converted.
const TASK_VALUES: usize = 16 * 1024;

/// int8 in groups of 128 with a scale each: half a step of the largest value is the error.
#[derive(Default)]
pub(crate) struct Quantised {
    depth: usize,
    values: Vec<i8>,
    words: Vec<i16>,
    scales: Vec<f32>,
    totals: Vec<i32>,
    sums: Vec<f32>,
}

impl Quantised {
    /// Replaces what it holds by `x`; in words as well, if they are wanted.
    pub(crate) fn fill(&mut self, tier: Tier, pool: &Pool, x: &HostTensor, words: bool) {
        let (rows, columns) = (x.rows(), x.columns());
        let depth = columns.next_multiple_of(Q4_BLOCK).max(Q4_BLOCK);
        self.depth = depth;
        self.values.resize(rows * depth, 0);
        self.scales.resize(rows * depth / GROUP, 0.0);
        self.totals.resize(rows * depth / GROUP, 0);
        self.sums.resize(rows * depth / Q4_GROUP, 0.0);
        let per_task = (TASK_VALUES / depth).max(1);
        let parts: Vec<_> = x
            .values()
            .chunks(per_task * columns)
            .zip(self.values.chunks_mut(per_task * depth))
            .zip(self.scales.chunks_mut(per_task * depth / GROUP))
            .zip(self.totals.chunks_mut(per_task * depth / GROUP))
            .zip(self.sums.chunks_mut(per_task * depth / Q4_GROUP))
            .map(|((((x, values), scales), totals), sums)| Part {
                x,
                columns,
                depth,
                values,
                scales,
                totals,
                sums,
            })
            .collect();
        pool.run_each(parts, |part| vectorise(tier, part));
        // Every one is written: what was there before need not be cleared.
        self.words
            .resize(if words { self.values.len() } else { 0 }, 0);
        let values = &self.values;
        pool.run_chunks(&mut self.words, TASK_VALUES, |index, to| {
            let from = &values[index * TASK_VALUES..][..to.len()];
            vectorise(tier, Widen(from, to));
        });
    }

    /// As the kernels take it.
    pub(crate) fn ints(&self) -> Ints<'_> {
        Ints::new(
            &self.values,
            &self.words,
            &self.scales,
            &self.totals,
            &self.sums,
            self.depth,
        )
    }
}

/// int8 as 16 bits.
struct Widen<'a>(&'a [i8], &'a mut [i16]);

impl Work for Widen<'_> {
    #[inline(always)]
    fn run(self) {
        for (to, from) in self.1.iter_mut().zip(self.0) {
            *to = i16::from(*from);
        }
    }
}

/// Some rows on their way to int8.
struct Part<'a> {
    x: &'a [f32],
    columns: usize,
    depth: usize,
    values: &'a mut [i8],
    scales: &'a mut [f32],
    totals: &'a mut [i32],
    sums: &'a mut [f32],
}

impl Work for Part<'_> {
    #[inline(always)]
    fn run(self) {
        let per_row = self.depth / GROUP;
        let rows = self
            .x
            .chunks_exact(self.columns)
            .zip(self.values.chunks_exact_mut(self.depth))
            .enumerate();
        for (index, (x, values)) in rows {
            for (group, to) in values.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
                let at = index * per_row + group;
                let from = (group * GROUP).min(x.len());
                let sums = &mut self.sums[at * 4..at * 4 + 4];
                let given = &x[from..(from + GROUP).min(x.len())];
                (self.scales[at], self.totals[at]) = match given.first_chunk::<GROUP>() {
                    Some(x) => group_of(x, to, sums),
                    None => {
                        let mut padded = [0.0; GROUP];
                        padded[..given.len()].copy_from_slice(given);
                        group_of(&padded, to, sums)
                    }
                };
            }
        }
    }
}

/// One group: its values, and (scale in units, sum).
#[inline(always)]
fn group_of(x: &[f32; GROUP], to: &mut [i8; GROUP], sums: &mut [f32]) -> (f32, i32) {
    /// Adding it to a small number leaves the number's nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let mut lanes = [0.0_f32; 16];
    for chunk in x.as_chunks::<16>().0 {
        for i in 0..16 {
            let size = chunk[i].abs();
            lanes[i] = if size > lanes[i] { size } else { lanes[i] };
        }
    }
    let largest = lanes.into_iter().fold(0.0, f32::max);
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut total = 0;
    let parts = to.as_chunks_mut::<Q4_GROUP>().0.iter_mut();
    for ((to, x), sum) in parts.zip(x.as_chunks::<Q4_GROUP>().0).zip(sums) {
        let mut part = 0;
        for (to, x) in to.iter_mut().zip(x) {
            let bits = (x * inverse + ROUND).to_bits().cast_signed();
            let value = bits.wrapping_sub(ROUND.to_bits().cast_signed());
            *to = value as i8;
            part += i32::from(*to);
        }
        *sum = part as f32 * scale * UNIT;
        total += part;
    }
    (scale * UNIT, total)
}

/// bfloat16, rows padded with zeros to a multiple of 32.
#[derive(Default)]
pub(crate) struct Rounded {
    rows: usize,
    depth: usize,
    values: Vec<bf16>,
}

impl Rounded {
    /// Replaces what it holds by `x`.
    pub(crate) fn fill(&mut self, tier: Tier, pool: &Pool, x: &HostTensor) {
        let (rows, columns) = (x.rows(), x.columns());
        let depth = columns.next_multiple_of(32);
        (self.rows, self.depth) = (rows, depth);
        self.values.resize(rows * depth, bf16::ZERO);
        let per_task = (TASK_VALUES / depth.max(1)).max(1);
        pool.run_chunks(&mut self.values, per_task * depth, |index, to| {
            for (row, to) in to.chunks_exact_mut(depth).enumerate() {
                let from = x.row(index * per_task + row);
                let (to, padding) = to.split_at_mut(columns);
                round(tier, from, to);
                padding.fill(bf16::ZERO);
            }
        });
    }

    /// The inputs `from..from + count` of some rows.
    pub(crate) fn part(
        &self,
        first: usize,
        rows: usize,
        from: usize,
        count: usize,
    ) -> Rows<'_, bf16> {
        let end = (first + rows) * self.depth;
        Rows::new(
            &self.values[first * self.depth + from..end],
            rows,
            count,
            self.depth,
        )
    }
}

/// bfloat16 in tiles of 16 rows by 32 inputs, each in one piece of 1 KB, so that the rows of a tile never compete
/// for a place in the cache: `[rows / 16][inputs / 32][16][32]`. Padded with zeros.
#[derive(Default)]
pub(crate) struct Tiled {
    steps: usize,
    values: Vec<TileRow>,
}

/// Begins on a cache line.
#[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(64))]
struct TileRow([bf16; INPUTS]);

impl Tiled {
    /// Replaces what it holds by `x`.
    pub(crate) fn fill(&mut self, tier: Tier, pool: &Pool, x: &HostTensor) {
        let (tiles, steps) = (x.rows().div_ceil(ROWS), x.columns().div_ceil(INPUTS));
        self.steps = steps;
        let zero = TileRow([bf16::ZERO; INPUTS]);
        self.values.resize(tiles * steps * ROWS, zero);
        pool.run_chunks(&mut self.values, steps * ROWS, |index, to| {
            let first = index * ROWS;
            let from = x.rows_at(first..(first + ROWS).min(x.rows()));
            let columns = x.columns();
            vectorise(tier, ToTiles { from, columns, to });
        });
    }

    /// The inputs `from..from + count` of the rows from `first` on, whole tiles both; rows up to a whole tile.
    pub(crate) fn part(&self, first: usize, rows: usize, from: usize, count: usize) -> Left<'_> {
        assert!(first.is_multiple_of(ROWS) && from.is_multiple_of(INPUTS));
        let stride = self.steps * ROWS * INPUTS;
        let start = first / ROWS * stride + from / INPUTS * ROWS * INPUTS;
        let values: &[bf16] = bytemuck::cast_slice(&self.values);
        let (tiles, steps) = (rows.div_ceil(ROWS), count.div_ceil(INPUTS));
        Left::packed(&values[start..], tiles, steps, stride)
    }
}

/// Up to 16 rows on their way into tiles.
struct ToTiles<'a> {
    from: &'a [f32],
    columns: usize,
    to: &'a mut [TileRow],
}

impl Work for ToTiles<'_> {
    #[inline(always)]
    fn run(self) {
        let rows = self.from.chunks_exact(self.columns);
        let padding = rows.len();
        for (row, from) in rows.enumerate() {
            let (whole, rest) = from.as_chunks::<INPUTS>();
            for (step, from) in whole.iter().enumerate() {
                let to = &mut self.to[step * ROWS + row].0;
                for (to, from) in to.iter_mut().zip(from) {
                    *to = rounded(*from);
                }
            }
            if !rest.is_empty() {
                let to = &mut self.to[whole.len() * ROWS + row].0;
                to.fill(bf16::ZERO);
                to.iter_mut()
                    .zip(rest)
                    .for_each(|(to, from)| *to = rounded(*from));
            }
        }
        for tile in self.to.chunks_exact_mut(ROWS) {
            tile[padding..].fill(TileRow([bf16::ZERO; INPUTS]));
        }
    }
}

/// Rounds to nearest, ties to even. Values are finite or infinite; what is no number stays none.
pub(crate) fn round(tier: Tier, from: &[f32], to: &mut [bf16]) {
    struct Round<'a>(&'a [f32], &'a mut [bf16]);
    impl Work for Round<'_> {
        #[inline(always)]
        fn run(self) {
            for (to, from) in self.1.iter_mut().zip(self.0) {
                *to = rounded(*from);
            }
        }
    }
    assert_eq!(from.len(), to.len());
    vectorise(tier, Round(from, to));
}

/// As `bf16::from_f32`, without a branch.
#[inline(always)]
pub(crate) fn rounded(value: f32) -> bf16 {
    let bits = value.to_bits();
    let even = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x40;
    bf16::from_bits(if value.is_nan() { quiet } else { even } as u16)
}
