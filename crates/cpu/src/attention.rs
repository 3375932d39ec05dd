//! Attention in tiles: a block of queries meets one block of keys and values after another and keeps
//! a running maximum and sum, so memory stays linear in length. Both products are the wide kernel's: keys and
//! values lie in panels, as weights do (`kv_cache`).
//! Plain definition: `ops::reference`. Method: Dao et al., FlashAttention, 2022.

use std::cell::RefCell;

use half::bf16;
use ops::HostTensor;
use ops::step::Sequence;

use crate::activations::round;
use crate::backend::Cpu;
use crate::kernel::amx::product::Left;
use crate::kernel::softmax::{KEYS, Running, online_softmax};
use crate::kernel::{Panels, Rows, Work, amx, vectorise, wide};
use crate::kv_cache::{self, CpuKvCache, PanelShape, Store};
use crate::pack::PANEL;
use crate::shared_rows::SharedRows;
use crate::tier::Tier;

/// Query rows per task (heads of a group count as rows): whole tiles, and scores that fit the second-level cache.
const QUERY_ROWS: usize = 96;

/// Keys and values of one head that follow one another.
#[derive(Clone, Copy)]
struct Run<'a> {
    keys: Elements<'a>,
    key_shape: PanelShape,
    values: Elements<'a>,
    value_shape: PanelShape,
    count: usize,
}

#[derive(Clone, Copy)]
enum Elements<'a> {
    Floats(&'a [f32]),
    Pairs(&'a [u32]),
}

impl Store {
    fn part(&self, head: usize, size: usize) -> Elements<'_> {
        let at = head * size..(head + 1) * size;
        match self {
            Self::Floats(all) => Elements::Floats(&all[at]),
            Self::Pairs(all) => Elements::Pairs(&all[at]),
        }
    }
}

thread_local! {
    static TILE: RefCell<Tile> = RefCell::new(Tile::default());
}

/// Some queries on their way through the keys. Made once per thread.
#[derive(Default)]
struct Tile {
    rows: usize,
    head_dim: usize,
    /// [rows, head_dim]
    query: Vec<f32>,
    /// [padded rows, padded head_dim]
    query_pairs: Vec<bf16>,
    /// [padded rows, keys of a block]; scores, then weights
    scores: Vec<[f32; KEYS]>,
    weights: Vec<[bf16; KEYS]>,
    /// Largest score so far, `[rows]`.
    largest: Vec<f32>,
    /// Sum of the weights so far, `[rows]`.
    total: Vec<f32>,
    /// What the new maximum makes of the old sums, `[rows]`.
    shrink: Vec<f32>,
    /// Keys of a block that a row sees, `[rows]`.
    seen: Vec<usize>,
    /// Weighted sum of values so far, [64 dimensions each][padded rows].
    out: Vec<Vec<[f32; 64]>>,
    /// Room for panels that are widened to float32.
    widened: Vec<f32>,
    /// Room for a tile of values per panel of which only some are there.
    partial: Vec<u32>,
}

impl Tile {
    /// Takes queries, [rows, head_dim].
    fn start<'a>(
        &mut self,
        tier: Tier,
        pairs: bool,
        head_dim: usize,
        queries: impl Iterator<Item = &'a [f32]>,
    ) {
        self.query.clear();
        queries.for_each(|query| self.query.extend_from_slice(query));
        self.rows = self.query.len() / head_dim;
        self.head_dim = head_dim;
        // Whole tiles.
        let padded_rows = self.rows.next_multiple_of(amx::ROWS);
        if pairs {
            let padded = head_dim.next_multiple_of(amx::INPUTS);
            self.query_pairs.clear();
            self.query_pairs.resize(padded_rows * padded, bf16::ZERO);
            let rows = self.query.chunks_exact(head_dim);
            for (from, to) in rows.zip(self.query_pairs.chunks_exact_mut(padded)) {
                round(tier, from, &mut to[..head_dim]);
            }
        }
        let rows = self.rows;
        self.scores.resize(padded_rows, [0.0; KEYS]);
        self.weights.resize(padded_rows, [bf16::ZERO; KEYS]);
        self.shrink.resize(rows, 0.0);
        for (values, start) in [
            (&mut self.largest, f32::NEG_INFINITY),
            (&mut self.total, 0.0),
        ] {
            values.clear();
            values.resize(rows, start);
        }
        self.out.resize(head_dim.div_ceil(64), Vec::new());
        for block in &mut self.out {
            block.clear();
            block.resize(padded_rows, [0.0; 64]);
        }
    }

    /// Meets a run of keys and values. Row r sees the first `visible(r)` of them.
    fn meet(
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
            let pairs = matches!(run.values, Elements::Pairs(_))
                && (unit.is_some() || wide::multiplies_pairs(tier));
            let running = Running {
                scores: &mut self.scores[..rows],
                weights: pairs.then_some(&mut self.weights[..rows]),
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
            Elements::Pairs(keys) if wide::multiplies_pairs(tier) => {
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
        for (index, out) in self.out.iter_mut().enumerate() {
            let panels = (run.value_shape.panels - 4 * index).min(4);
            let first = 4 * index * stride;
            if let (Elements::Pairs(values), Some(unit)) = (run.values, &mut *unit) {
                let weights = self.weights.as_flattened();
                let tiles = self.rows.div_ceil(amx::ROWS);
                let (steps, rest) = (count / amx::INPUTS, count % amx::INPUTS);
                let at = first + from / 2 * PANEL;
                if steps > 0 {
                    let depth = steps * amx::INPUTS / 2;
                    let weights = Left::rows(weights, tiles, steps, KEYS);
                    let values = Panels::new(&values[at..], panels, depth, stride);
                    unit.product(weights, values, false, out);
                }
                if rest > 0 {
                    let at = at + steps * amx::INPUTS / 2 * PANEL;
                    copy_partial(&values[at..], stride, panels, rest, &mut self.partial);
                    let weights = &weights[steps * amx::INPUTS..];
                    let weights = Left::rows(weights, tiles, 1, KEYS);
                    let depth = amx::INPUTS / 2;
                    let values = Panels::new(&self.partial, panels, depth, depth * PANEL);
                    unit.product(weights, values, false, out);
                }
                continue;
            }
            let out = &mut out[..self.rows];
            match run.values {
                Elements::Pairs(values) if wide::multiplies_pairs(tier) => {
                    let depth = count.div_ceil(2);
                    let weights = self.weights.as_flattened();
                    let weights = Rows::new(weights, self.rows, 2 * depth, KEYS);
                    let values = &values[first + from / 2 * PANEL..];
                    wide::pairs(
                        tier,
                        weights,
                        Panels::new(values, panels, depth, stride),
                        out,
                    );
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
    fn finish(&self, row: usize, to: &mut [f32]) {
        let scale = 1.0 / self.total[row];
        for (to, block) in to.chunks_mut(64).zip(&self.out) {
            for (to, value) in to.iter_mut().zip(&block[row]) {
                *to = value * scale;
            }
        }
    }
}

/// The first `count` inputs of each panel in a tile of their own, the others zero: what once was there belongs to
/// other people, and zero times what is no number would be none.
fn copy_partial(from: &[u32], stride: usize, panels: usize, count: usize, to: &mut Vec<u32>) {
    const TILE: usize = amx::INPUTS / 2 * PANEL;
    to.clear();
    to.resize(panels * TILE, 0);
    for (panel, to) in to.chunks_exact_mut(TILE).enumerate() {
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

/// Full attention inside each span of rows.
pub(crate) fn spans(
    cpu: &Cpu,
    query: &HostTensor,
    key: &HostTensor,
    value: &HostTensor,
    heads: usize,
    spans: &[u32],
    out: &mut HostTensor,
) {
    let head_dim = query.columns() / heads;
    let tier = cpu.tier;
    let pairs = cpu.rounds() && (amx::multiplies_tiles(tier) || wide::multiplies_pairs(tier));
    let spans: Vec<(usize, usize)> = spans
        .windows(2)
        .map(|span| (span[0] as usize, span[1] as usize))
        .collect();
    let packed: Vec<Mutexed> = (0..spans.len() * heads)
        .map(|_| Mutexed::default())
        .collect();
    cpu.pool.run(packed.len(), |index| {
        let ((start, end), head) = (spans[index / heads], index % heads);
        let done = Heads::pack(
            key,
            value,
            start..end,
            head * head_dim..(head + 1) * head_dim,
            pairs,
        );
        *packed[index]
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(done);
    });
    let packed: Vec<Heads> = packed
        .into_iter()
        .filter_map(|head| {
            head.into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        })
        .collect();
    let mut tasks = Vec::new();
    for (span, &(start, end)) in spans.iter().enumerate() {
        for head in 0..heads {
            let blocks = (start..end).step_by(QUERY_ROWS);
            tasks.extend(blocks.map(|first| (span * heads + head, end, head, first)));
        }
    }
    let out = SharedRows::new(out);
    cpu.pool.run(tasks.len(), |index| {
        let (packed_head, end, head, first) = tasks[index];
        let part = head * head_dim..(head + 1) * head_dim;
        let rows = first..end.min(first + QUERY_ROWS);
        TILE.with_borrow_mut(|tile| {
            let queries = rows.clone().map(|row| &query.row(row)[part.clone()]);
            tile.start(tier, pairs, head_dim, queries);
            let run = packed[packed_head].run();
            let mut unit = amx::Unit::new(tier).filter(|_| pairs);
            tile.meet(tier, &mut unit, run, &|_| run.count);
            for row in rows {
                // SAFETY: every row of every head is in one task.
                let to = unsafe { out.part(row, part.start, head_dim) };
                tile.finish(row - first, to);
            }
        });
    });
}

type Mutexed = std::sync::Mutex<Option<Heads>>;

/// Keys and values of one head of one picture in panels.
struct Heads {
    keys: Store,
    key_shape: PanelShape,
    values: Store,
    value_shape: PanelShape,
    count: usize,
}

impl Heads {
    fn pack(
        key: &HostTensor,
        value: &HostTensor,
        rows: std::ops::Range<usize>,
        part: std::ops::Range<usize>,
        pairs: bool,
    ) -> Self {
        let (count, head_dim) = (rows.len(), part.len());
        let key_shape = PanelShape::new(count, head_dim, pairs);
        let value_shape = PanelShape::new(head_dim, count, pairs);
        let rows = rows.enumerate();
        let (keys, values) = if pairs {
            let (mut keys, mut values) = (vec![0; key_shape.size()], vec![0; value_shape.size()]);
            for (index, row) in rows {
                let (key, value) = (&key.row(row)[part.clone()], &value.row(row)[part.clone()]);
                kv_cache::write_output_pairs(&mut keys, key_shape, index, key);
                kv_cache::write_input_pairs(&mut values, value_shape, index, value);
            }
            (Store::Pairs(keys), Store::Pairs(values))
        } else {
            let (mut keys, mut values) =
                (vec![0.0; key_shape.size()], vec![0.0; value_shape.size()]);
            for (index, row) in rows {
                let (key, value) = (&key.row(row)[part.clone()], &value.row(row)[part.clone()]);
                kv_cache::write_output(&mut keys, key_shape, index, key);
                kv_cache::write_input(&mut values, value_shape, index, value);
            }
            (Store::Floats(keys), Store::Floats(values))
        };
        Self {
            keys,
            key_shape,
            values,
            value_shape,
            count,
        }
    }

    fn run(&self) -> Run<'_> {
        Run {
            keys: self.keys.part(0, self.key_shape.size()),
            key_shape: self.key_shape,
            values: self.values.part(0, self.value_shape.size()),
            value_shape: self.value_shape,
            count: self.count,
        }
    }
}

/// Causal grouped-query attention over the cache. The heads that share a key head are one tile's rows,
/// so every key and value is read once for all of them.
pub(crate) fn cached(
    cpu: &Cpu,
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
    let (tier, pairs) = (cpu.tier, cache.pairs());
    let (key_shape, value_shape) = kv_cache::shapes(shape, pairs);
    let mut tasks = Vec::new();
    for sequence in sequences {
        for kv_head in 0..shape.kv_heads {
            let blocks = sequence.rows.clone().step_by(rows_per_task);
            tasks.extend(blocks.map(|first| (sequence, kv_head, first)));
        }
    }
    // The last rows see most: they begin first, so that no thread is left with a long one at the end.
    tasks.reverse();
    let out = SharedRows::new(out);
    cpu.pool.run(tasks.len(), |index| {
        let (sequence, kv_head, first) = tasks[index];
        let rows = first..sequence.rows.end.min(first + rows_per_task);
        let part = kv_head * group * head_dim..(kv_head + 1) * group * head_dim;
        let index_of = |row: usize| sequence.context + row - sequence.rows.start;
        TILE.with_borrow_mut(|tile| {
            let queries = rows.clone().map(|row| &query.row(row)[part.clone()]);
            tile.start(tier, pairs, head_dim, queries);
            let seen = index_of(rows.end - 1) + 1;
            let mut unit = amx::Unit::new(tier).filter(|_| pairs);
            for from in (0..seen).step_by(page_tokens) {
                let page = sequence.pages[from / page_tokens] as usize;
                let head = cache.head(layer, page, kv_head);
                let run = Run {
                    keys: cache.keys.part(head, key_shape.size()),
                    key_shape,
                    values: cache.values.part(head, value_shape.size()),
                    value_shape,
                    count: page_tokens.min(seen - from),
                };
                let visible = |tile_row: usize| {
                    let last = index_of(rows.start + tile_row / group);
                    (last + 1).saturating_sub(from)
                };
                tile.meet(tier, &mut unit, run, &visible);
            }
            for row in rows.clone() {
                for member in 0..group {
                    let at = part.start + member * head_dim;
                    // SAFETY: every row of every head is in one task.
                    let to = unsafe { out.part(row, at, head_dim) };
                    tile.finish((row - first) * group + member, to);
                }
            }
        });
    });
}
