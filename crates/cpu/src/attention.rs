//! Attention in tiles: a block of queries meets one block of keys and values after another and keeps
//! a running maximum and sum, so memory stays linear in length.
//! Plain definition: `ops::reference`. Method: Dao et al., FlashAttention, 2022.

use ops::HostTensor;
use ops::step::Sequence;
use rayon::prelude::*;

use crate::backend::CpuKvCache;
use crate::elementwise::exp;
use crate::kernel::{self, Out, Rows, Work};
use crate::tier::Tier;

/// Query rows per task (heads of a group count as rows).
const QUERY_ROWS: usize = 64;
/// Keys per block where no page says otherwise.
const KEY_ROWS: usize = 128;

/// Some queries on their way through the keys.
struct Tile {
    tier: Tier,
    rows: usize,
    head_dim: usize,
    /// [rows, head_dim], scaled by 1/sqrt(head_dim)
    query: Vec<f32>,
    /// [rows, keys of a block]
    scores: Vec<f32>,
    /// Largest score so far, `[rows]`.
    largest: Vec<f32>,
    /// Sum of the weights so far, `[rows]`.
    total: Vec<f32>,
    /// Weighted sum of values so far, [rows, head_dim].
    out: Vec<f32>,
}

impl Tile {
    fn new<'a>(tier: Tier, head_dim: usize, queries: impl Iterator<Item = &'a [f32]>) -> Self {
        let scale = 1.0 / (head_dim as f32).sqrt();
        let query: Vec<f32> = queries.flatten().map(|value| value * scale).collect();
        let rows = query.len() / head_dim;
        Self {
            tier,
            rows,
            head_dim,
            query,
            scores: vec![0.0; rows * KEY_ROWS],
            largest: vec![f32::NEG_INFINITY; rows],
            total: vec![0.0; rows],
            out: vec![0.0; rows * head_dim],
        }
    }

    /// Meets `keys` keys and values. Row r sees the first `visible(r)` of them (at most `keys`).
    fn meet(
        &mut self,
        keys: Rows<f32>,
        values: Rows<f32>,
        count: usize,
        visible: &dyn Fn(usize) -> usize,
    ) {
        let (rows, head_dim) = (self.rows, self.head_dim);
        self.scores
            .resize((rows * count).max(self.scores.len()), 0.0);
        let query = Rows::new(&self.query, rows, head_dim, head_dim);
        let mut scores = Out::new(&mut self.scores, rows, count, count);
        kernel::dots_f32(self.tier, query, keys, &mut scores, false);
        for row in 0..rows {
            kernel::vectorise(
                self.tier,
                OnlineSoftmax {
                    scores: &mut self.scores[row * count..][..count],
                    visible: visible(row),
                    largest: &mut self.largest[row],
                    total: &mut self.total[row],
                    out: &mut self.out[row * head_dim..][..head_dim],
                },
            );
        }
        let weights = Rows::new(&self.scores, rows, count, count);
        let mut out = Out::new(&mut self.out, rows, head_dim, head_dim);
        kernel::axpys(self.tier, weights, values, &mut out);
    }

    /// The finished row.
    fn finish(&self, row: usize) -> impl Iterator<Item = f32> {
        let scale = 1.0 / self.total[row];
        self.out[row * self.head_dim..][..self.head_dim]
            .iter()
            .map(move |value| value * scale)
    }
}

/// One row: scores become weights under the new maximum, and what was summed under the old one shrinks.
struct OnlineSoftmax<'a> {
    scores: &'a mut [f32],
    visible: usize,
    largest: &'a mut f32,
    total: &'a mut f32,
    out: &'a mut [f32],
}

impl Work for OnlineSoftmax<'_> {
    #[inline(always)]
    fn run(self) {
        let (seen, hidden) = self.scores.split_at_mut(self.visible);
        hidden.fill(0.0);
        if seen.is_empty() {
            return;
        }
        let largest = largest_of(seen).max(*self.largest);
        for score in seen.iter_mut() {
            *score = exp(*score - largest);
        }
        let shrink = exp(*self.largest - largest);
        *self.total = *self.total * shrink + sum_of(seen);
        *self.largest = largest;
        if shrink != 1.0 {
            for value in self.out.iter_mut() {
                *value *= shrink;
            }
        }
    }
}

/// Eight running values, so that the compiler may use vectors.
#[inline(always)]
fn fold8(values: &[f32], start: f32, combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for lane in 0..8 {
            lanes[lane] = combine(lanes[lane], chunk[lane]);
        }
    }
    let folded = rest
        .iter()
        .fold(start, |folded, &value| combine(folded, value));
    lanes.into_iter().fold(folded, combine)
}

#[inline(always)]
fn largest_of(values: &[f32]) -> f32 {
    fold8(values, f32::NEG_INFINITY, |a, b| if a > b { a } else { b })
}

#[inline(always)]
fn sum_of(values: &[f32]) -> f32 {
    fold8(values, 0.0, |a, b| a + b)
}

/// Full attention inside each span of rows.
pub(crate) fn spans(
    tier: Tier,
    query: &HostTensor,
    key: &HostTensor,
    value: &HostTensor,
    heads: usize,
    spans: &[u32],
    out: &mut HostTensor,
) {
    let (width, head_dim) = (query.columns(), query.columns() / heads);
    let mut tasks = Vec::new();
    for span in spans.windows(2) {
        let (start, end) = (span[0] as usize, span[1] as usize);
        for head in 0..heads {
            tasks.extend(
                (start..end)
                    .step_by(QUERY_ROWS)
                    .map(|first| (start, end, head, first)),
            );
        }
    }
    let done: Vec<Tile> = tasks
        .par_iter()
        .map(|&(start, end, head, first)| {
            let part = head * head_dim..(head + 1) * head_dim;
            let rows = first..end.min(first + QUERY_ROWS);
            let queries = rows.map(|row| &query.row(row)[part.clone()]);
            let mut tile = Tile::new(tier, head_dim, queries);
            for from in (start..end).step_by(KEY_ROWS) {
                let count = KEY_ROWS.min(end - from);
                let block =
                    |tensor: &'_ HostTensor| from * width + part.start..tensor.values().len();
                let keys = Rows::new(&key.values()[block(key)], count, head_dim, width);
                let values = Rows::new(&value.values()[block(value)], count, head_dim, width);
                tile.meet(keys, values, count, &|_| count);
            }
            tile
        })
        .collect();
    for (&(_, _, head, first), tile) in tasks.iter().zip(&done) {
        for row in 0..tile.rows {
            let to = &mut out.row_mut(first + row)[head * head_dim..][..head_dim];
            to.iter_mut()
                .zip(tile.finish(row))
                .for_each(|(to, value)| *to = value);
        }
    }
}

/// Causal grouped-query attention over the cache. The heads that share a key head are one tile's rows,
/// so every key and value is read once for all of them.
pub(crate) fn cached(
    tier: Tier,
    query: &HostTensor,
    cache: &CpuKvCache,
    layer: usize,
    sequences: &[Sequence],
    out: &mut HostTensor,
) {
    let shape = cache.shape;
    let (head_dim, page_tokens) = (shape.head_dim, shape.page_tokens);
    let group = query.columns() / (shape.kv_heads * head_dim);
    let rows_per_task = (QUERY_ROWS / group).max(1);
    let mut tasks = Vec::new();
    for sequence in sequences {
        for kv_head in 0..shape.kv_heads {
            let blocks = sequence.rows.clone().step_by(rows_per_task);
            tasks.extend(blocks.map(|first| (sequence, kv_head, first)));
        }
    }
    let done: Vec<Tile> = tasks
        .par_iter()
        .map(|&(sequence, kv_head, first)| {
            let rows = first..sequence.rows.end.min(first + rows_per_task);
            let part = kv_head * group * head_dim..(kv_head + 1) * group * head_dim;
            let queries = rows.clone().map(|row| &query.row(row)[part.clone()]);
            let mut tile = Tile::new(tier, head_dim, queries);
            let index_of = |row: usize| sequence.context + row - sequence.rows.start;
            let seen = index_of(rows.end - 1) + 1;
            for from in (0..seen).step_by(page_tokens) {
                let count = page_tokens.min(seen - from);
                let page = sequence.pages[from / page_tokens] as usize;
                let (keys, values) = cache.page(layer, page, kv_head);
                let keys = Rows::new(keys, count, head_dim, head_dim);
                let values = Rows::new(values, count, head_dim, head_dim);
                let visible = |tile_row: usize| {
                    let last = index_of(rows.start + tile_row / group);
                    (last + 1).saturating_sub(from).min(count)
                };
                tile.meet(keys, values, count, &visible);
            }
            tile
        })
        .collect();
    for (&(_, kv_head, first), tile) in tasks.iter().zip(&done) {
        for row in 0..tile.rows {
            let head = kv_head * group + row % group;
            let to = &mut out.row_mut(first + row / group)[head * head_dim..][..head_dim];
            to.iter_mut()
                .zip(tile.finish(row))
                .for_each(|(to, value)| *to = value);
        }
    }
}
