//! A block of queries on its way through keys and values: scores, weights, sums.

use half::bf16;

use super::words::{self, WordPanels};
use crate::activations::round;
use crate::aligned::Aligned;
use crate::kernel::amx::product::Left;
use crate::kernel::softmax::{KEYS, Running, Weights, online_softmax};
use crate::kernel::wide::scaled::{MOST_INPUTS, scaled};
use crate::kernel::{Panels, Rows, Work, amx, vectorise, wide};
use crate::kv_cache::{PanelShape, Store};
use crate::pack::PANEL;
use crate::tier::Tier;

/// Keys and values of one head that follow one another.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) keys: Elements<'a>,
    pub(super) key_shape: PanelShape,
    pub(super) values: Elements<'a>,
    pub(super) value_shape: PanelShape,
    pub(super) count: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Elements<'a> {
    Floats(&'a [f32]),
    Pairs(&'a [u32]),
    Words(&'a WordPanels),
}

/// What queries and weights are multiplied as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Floats,
    /// Pairs of bfloat16, by tiles or by vectors.
    Pairs,
    /// Words of 16 bits.
    Words,
}

impl Form {
    /// The fastest on this tier, where rounding is allowed.
    pub(super) fn rounded(tier: Tier, head_dim: usize) -> Self {
        if amx::multiplies_tiles(tier) || wide::multiplies_pairs(tier) {
            Self::Pairs
        } else if wide::integers(tier).is_some() && head_dim <= MOST_INPUTS {
            Self::Words
        } else {
            Self::Floats
        }
    }
}

impl Store {
    pub(super) fn part(&self, head: usize, size: usize) -> Elements<'_> {
        let at = head * size..(head + 1) * size;
        match self {
            Self::Floats(all) => Elements::Floats(&all[at]),
            Self::Pairs(all) => Elements::Pairs(&all[at]),
        }
    }
}

/// Some queries on their way through the keys. Made once per thread.
#[derive(Default)]
pub(super) struct Tile {
    form: Form,
    rows: usize,
    head_dim: usize,
    /// [rows, head_dim]
    query: Vec<f32>,
    /// [padded rows, padded head_dim]
    query_pairs: Aligned<bf16>,
    /// [rows, even head_dim], and what a step of each row counts.
    query_words: Vec<i16>,
    query_scales: Vec<f32>,
    /// [padded rows, keys of a block]; scores, then weights
    scores: Aligned<[f32; KEYS]>,
    weights: Aligned<[bf16; KEYS]>,
    /// [padded rows, keys of a block], and what a step of each row counts.
    weight_words: Aligned<[i16; KEYS]>,
    weight_scales: Vec<f32>,
    /// Largest score so far, `[rows]`.
    largest: Vec<f32>,
    /// Sum of the weights so far, `[rows]`.
    total: Vec<f32>,
    /// What the new maximum makes of the old sums, `[rows]`.
    shrink: Vec<f32>,
    /// Keys of a block that a row sees, `[rows]`.
    seen: Vec<usize>,
    /// Weighted sum of values so far, [64 dimensions each][padded rows].
    out: Vec<Aligned<[f32; 64]>>,
    /// Room for panels that are widened to float32.
    widened: Vec<f32>,
    /// Room for values per panel of which only some are there.
    partial: Vec<u32>,
    /// Room for keys and values that become words.
    key_words: WordPanels,
    value_words: WordPanels,
}

impl Tile {
    /// Takes queries, [rows, head_dim].
    pub(super) fn start<'a>(
        &mut self,
        tier: Tier,
        form: Form,
        head_dim: usize,
        queries: impl Iterator<Item = &'a [f32]>,
    ) {
        self.form = form;
        self.query.clear();
        queries.for_each(|query| self.query.extend_from_slice(query));
        self.rows = self.query.len() / head_dim;
        self.head_dim = head_dim;
        // Whole tiles.
        let padded_rows = self.rows.next_multiple_of(amx::ROWS);
        let rows = self.rows;
        match form {
            Form::Floats => {}
            Form::Pairs => {
                let padded = head_dim.next_multiple_of(amx::INPUTS);
                self.query_pairs.zero(padded_rows * padded);
                let queries = self.query.chunks_exact(head_dim);
                for (from, to) in queries.zip(self.query_pairs.chunks_exact_mut(padded)) {
                    round(tier, from, &mut to[..head_dim]);
                }
                self.weights.resize(padded_rows);
            }
            Form::Words => {
                let even = head_dim.next_multiple_of(2);
                self.query_words.resize(rows * even, 0);
                let queries = self.query.chunks_exact(head_dim);
                let to = self.query_words.chunks_exact_mut(even);
                self.query_scales.clear();
                let scales = queries
                    .zip(to)
                    .map(|(from, to)| words::query(tier, from, to));
                self.query_scales.extend(scales);
                self.weight_words.resize(rows);
                self.weight_scales.resize(rows, 0.0);
            }
        }
        self.scores.resize(padded_rows);
        self.shrink.resize(rows, 0.0);
        for (values, start) in [
            (&mut self.largest, f32::NEG_INFINITY),
            (&mut self.total, 0.0),
        ] {
            values.clear();
            values.resize(rows, start);
        }
        self.out
            .resize_with(head_dim.div_ceil(64), Aligned::default);
        for block in &mut self.out {
            block.zero(padded_rows);
        }
    }

    /// Meets a run of keys and values. Row r sees the first `visible(r)` of them.
    pub(super) fn meet(
        &mut self,
        tier: Tier,
        unit: &mut Option<amx::Unit>,
        run: Run<'_>,
        visible: &dyn Fn(usize) -> usize,
    ) {
        let (Elements::Pairs(keys), Elements::Pairs(values), Form::Words) =
            (run.keys, run.values, self.form)
        else {
            return self.meet_as_it_is(tier, unit, run, visible);
        };
        let mut key_words = std::mem::take(&mut self.key_words);
        let mut value_words = std::mem::take(&mut self.value_words);
        key_words.fill(tier, keys, run.key_shape, self.head_dim);
        value_words.fill(tier, values, run.value_shape, run.count);
        let words = Run {
            keys: Elements::Words(&key_words),
            values: Elements::Words(&value_words),
            ..run
        };
        self.meet_as_it_is(tier, unit, words, visible);
        (self.key_words, self.value_words) = (key_words, value_words);
    }

    fn meet_as_it_is(
        &mut self,
        tier: Tier,
        unit: &mut Option<amx::Unit>,
        run: Run<'_>,
        visible: &dyn Fn(usize) -> usize,
    ) {
        let rows = self.rows;
        for from in (0..run.count).step_by(KEYS) {
            let count = KEYS.min(run.count - from);
            self.seen.clear();
            let seen = (0..self.rows).map(|row| visible(row).saturating_sub(from).min(count));
            self.seen.extend(seen);
            self.score(tier, unit, run, from, count);
            let weights = match self.form {
                Form::Floats => Weights::Scores,
                Form::Pairs => Weights::Pairs(&mut self.weights[..rows]),
                Form::Words => {
                    Weights::Words(&mut self.weight_words[..rows], &mut self.weight_scales)
                }
            };
            let running = Running {
                scores: &mut self.scores[..rows],
                weights,
                scale: std::f32::consts::LOG2_E / (self.head_dim as f32).sqrt(),
                largest: &mut self.largest,
                total: &mut self.total,
                shrink: &mut self.shrink,
                seen: &self.seen,
            };
            online_softmax(tier, running);
            for block in &mut self.out {
                vectorise(tier, Shrink(block, &self.shrink));
            }
            self.weigh(tier, unit, run, from, count);
        }
    }

    /// `scores = query keys^T` for the keys `from..from + count`.
    fn score(
        &mut self,
        tier: Tier,
        unit: &mut Option<amx::Unit>,
        run: Run<'_>,
        from: usize,
        count: usize,
    ) {
        let stride = run.key_shape.depth * PANEL;
        let (first, panels) = (from / PANEL * stride, count.div_ceil(PANEL));
        let (rows, head_dim) = (self.rows, self.head_dim);
        let padded = head_dim.next_multiple_of(amx::INPUTS);
        if let (Elements::Pairs(keys), Some(unit)) = (run.keys, unit) {
            let (tiles, steps) = (rows.div_ceil(amx::ROWS), padded / amx::INPUTS);
            let query = Left::rows(&self.query_pairs, tiles, steps, padded);
            let keys = Panels::new(&keys[first..], panels, run.key_shape.depth, stride);
            unit.product(query, keys, true, &mut self.scores);
            return;
        }
        let scores = &mut self.scores[..rows];
        scores.fill([0.0; KEYS]);
        match run.keys {
            Elements::Words(keys) => {
                let steps = head_dim.div_ceil(2);
                let query = Rows::new(&self.query_words, rows, 2 * steps, 2 * steps);
                let keys = keys.part(from / PANEL, panels, 0, steps);
                scaled(tier, query, &self.query_scales, keys, scores);
            }
            Elements::Pairs(keys) if self.form == Form::Pairs => {
                let depth = head_dim.div_ceil(2);
                let query = Rows::new(&self.query_pairs, rows, 2 * depth, padded);
                let keys = Panels::new(&keys[first..], panels, depth, stride);
                wide::pairs(tier, query, keys, scores);
            }
            Elements::Pairs(keys) => {
                let keys = &keys[first..first + panels * stride];
                widen(tier, keys, &mut self.widened);
                let query = Rows::new(&self.query, rows, head_dim, head_dim);
                let keys = Panels::new(&self.widened, panels, head_dim, 2 * stride);
                wide::floats(tier, query, keys, scores);
            }
            Elements::Floats(keys) => {
                let query = Rows::new(&self.query, rows, head_dim, head_dim);
                let keys = Panels::new(&keys[first..], panels, head_dim, stride);
                wide::floats(tier, query, keys, scores);
            }
        }
    }

    /// `out += weights values` for the values `from..from + count`.
    fn weigh(
        &mut self,
        tier: Tier,
        unit: &mut Option<amx::Unit>,
        run: Run<'_>,
        from: usize,
        count: usize,
    ) {
        let stride = run.value_shape.depth * PANEL;
        let pairs = self.form == Form::Pairs;
        // Inputs that are multiplied at once.
        let grain = if unit.is_some() { amx::INPUTS } else { 2 };
        for (index, out) in self.out.iter_mut().enumerate() {
            let panels = (run.value_shape.panels - 4 * index).min(4);
            let first = 4 * index * stride;
            if let (Elements::Pairs(values), true) = (run.values, pairs) {
                // All in one product: in parts, a row would be rounded otherwise than where it sees more keys.
                let inputs = count.next_multiple_of(grain);
                let values = &values[first + from / 2 * PANEL..];
                let values = if inputs == count {
                    Panels::new(values, panels, count / 2, stride)
                } else {
                    copy_partial(values, stride, panels, count, inputs, &mut self.partial);
                    let depth = inputs / 2;
                    Panels::new(&self.partial, panels, depth, depth * PANEL)
                };
                let (rows, weights) = (self.rows, self.weights.as_flattened());
                if let Some(unit) = &mut *unit {
                    let (tiles, steps) = (rows.div_ceil(amx::ROWS), inputs / amx::INPUTS);
                    let weights = Left::rows(weights, tiles, steps, KEYS);
                    unit.product(weights, values, false, out);
                } else {
                    let weights = Rows::new(weights, rows, inputs, KEYS);
                    wide::pairs(tier, weights, values, &mut out[..rows]);
                }
                continue;
            }
            let out = &mut out[..self.rows];
            match run.values {
                Elements::Words(values) => {
                    let (weights, steps) = (self.weight_words.as_flattened(), count.div_ceil(2));
                    let weights = Rows::new(weights, self.rows, 2 * steps, KEYS);
                    let values = values.part(4 * index, panels, from / 2, steps);
                    scaled(tier, weights, &self.weight_scales, values, out);
                }
                Elements::Pairs(values) => {
                    let end = first + panels * stride;
                    widen(tier, &values[first..end], &mut self.widened);
                    let weights = self.scores.as_flattened();
                    let weights = Rows::new(weights, self.rows, count, KEYS);
                    let values = &self.widened[from * PANEL..];
                    wide::floats(
                        tier,
                        weights,
                        Panels::new(values, panels, count, 2 * stride),
                        out,
                    );
                }
                Elements::Floats(values) => {
                    let weights = self.scores.as_flattened();
                    let weights = Rows::new(weights, self.rows, count, KEYS);
                    let values = &values[first + from * PANEL..];
                    wide::floats(
                        tier,
                        weights,
                        Panels::new(values, panels, count, stride),
                        out,
                    );
                }
            }
        }
    }

    /// Writes a finished row.
    pub(super) fn finish(&self, row: usize, to: &mut [f32]) {
        let scale = 1.0 / self.total[row];
        for (to, block) in to.chunks_mut(64).zip(&self.out) {
            for (to, value) in to.iter_mut().zip(&block[row]) {
                *to = value * scale;
            }
        }
    }
}

/// The first `count` of `inputs` of each panel, the others zero: what lies there belongs to other people, and zero times
/// what is no number would be none.
fn copy_partial(
    from: &[u32],
    stride: usize,
    panels: usize,
    count: usize,
    inputs: usize,
    to: &mut Vec<u32>,
) {
    let size = inputs / 2 * PANEL;
    to.clear();
    to.resize(panels * size, 0);
    for (panel, to) in to.chunks_exact_mut(size).enumerate() {
        let used = count.div_ceil(2) * PANEL;
        to[..used].copy_from_slice(&from[panel * stride..][..used]);
        if !count.is_multiple_of(2) {
            to[used - PANEL..used]
                .iter_mut()
                .for_each(|pair| *pair &= 0xffff);
        }
    }
}

/// Panels of pairs as panels of float32: each step of 16 pairs becomes two steps of 16 values.
fn widen(tier: Tier, pairs: &[u32], out: &mut Vec<f32>) {
    struct Widen<'a>(&'a [u32], &'a mut [f32]);
    impl Work for Widen<'_> {
        #[inline(always)]
        fn run(self) {
            let steps = self.0.as_chunks::<PANEL>().0;
            let outs = self.1.as_chunks_mut::<{ 2 * PANEL }>().0;
            for (step, out) in steps.iter().zip(outs) {
                for lane in 0..PANEL {
                    out[lane] = f32::from_bits(step[lane] << 16);
                    out[PANEL + lane] = f32::from_bits(step[lane] & 0xffff_0000);
                }
            }
        }
    }
    out.resize(2 * pairs.len(), 0.0);
    vectorise(tier, Widen(pairs, out));
}

/// What was summed under the old maximum counts less under the new one.
struct Shrink<'a>(&'a mut [[f32; 64]], &'a [f32]);

impl Work for Shrink<'_> {
    #[inline(always)]
    fn run(self) {
        for (row, &shrink) in self.0.iter_mut().zip(self.1) {
            if shrink != 1.0 {
                row.iter_mut().for_each(|value| *value *= shrink);
            }
        }
    }
}
