//! Attention in tiles: a block of queries meets one block of keys and values after another and keeps
//! a running maximum and sum, so memory stays linear in length. Both products are the wide kernel's: keys and
//! values lie in panels, as weights do (`kv_cache`).
//! Plain definition: `ops::reference`. Method: Dao et al., FlashAttention, 2022.

#[cfg(test)]
mod tests;
mod tile;
mod words;

use std::cell::RefCell;

use ops::HostTensor;
use ops::step::Sequence;

use crate::backend::Cpu;
use crate::kernel::amx;
use crate::kv_cache::{self, CpuKvCache, PanelShape, Store};
use crate::linear::THIN_ROWS;
use crate::shared_rows::SharedRows;
use crate::tier::Tier;
use tile::{Elements, Form, Run, Tile};
use words::WordPanels;

/// Query rows per task (heads of a group count as rows): whole tiles, and scores that fit the second-level cache.
const QUERY_ROWS: usize = 96;

thread_local! {
    static TILE: RefCell<Tile> = RefCell::new(Tile::default());
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
    let form = match cpu.rounds() {
        true => Form::rounded(tier, head_dim),
        false => Form::Floats,
    };
    let spans: Vec<(usize, usize)> = spans
        .windows(2)
        .map(|span| (span[0] as usize, span[1] as usize))
        .collect();
    let packed: Vec<Mutexed> = (0..spans.len() * heads)
        .map(|_| Mutexed::default())
        .collect();
    cpu.pool.run(packed.len(), |index| {
        let ((start, end), head) = (spans[index / heads], index % heads);
        let part = head * head_dim..(head + 1) * head_dim;
        let done = Heads::pack(tier, form, key, value, start..end, part);
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
            tile.start(tier, form, head_dim, queries);
            let run = packed[packed_head].run();
            let mut unit = amx::Unit::new(tier).filter(|_| form == Form::Pairs);
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
    keys: Packed,
    key_shape: PanelShape,
    values: Packed,
    value_shape: PanelShape,
    count: usize,
}

enum Packed {
    Stored(Store),
    Words(WordPanels),
}

impl Packed {
    fn words(tier: Tier, pairs: &[u32], shape: PanelShape, inputs: usize) -> Self {
        let mut words = WordPanels::default();
        words.fill(tier, pairs, shape, inputs);
        Self::Words(words)
    }

    fn elements(&self, shape: PanelShape) -> Elements<'_> {
        match self {
            Self::Stored(store) => store.part(0, shape.size()),
            Self::Words(words) => Elements::Words(words),
        }
    }
}

impl Heads {
    fn pack(
        tier: Tier,
        form: Form,
        key: &HostTensor,
        value: &HostTensor,
        rows: std::ops::Range<usize>,
        part: std::ops::Range<usize>,
    ) -> Self {
        let (count, head_dim) = (rows.len(), part.len());
        let pairs = form != Form::Floats;
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
            match form {
                Form::Words => (
                    Packed::words(tier, &keys, key_shape, head_dim),
                    Packed::words(tier, &values, value_shape, count),
                ),
                _ => (
                    Packed::Stored(Store::Pairs(keys)),
                    Packed::Stored(Store::Pairs(values)),
                ),
            }
        } else {
            let (mut keys, mut values) =
                (vec![0.0; key_shape.size()], vec![0.0; value_shape.size()]);
            for (index, row) in rows {
                let (key, value) = (&key.row(row)[part.clone()], &value.row(row)[part.clone()]);
                kv_cache::write_output(&mut keys, key_shape, index, key);
                kv_cache::write_input(&mut values, value_shape, index, value);
            }
            (
                Packed::Stored(Store::Floats(keys)),
                Packed::Stored(Store::Floats(values)),
            )
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
            keys: self.keys.elements(self.key_shape),
            key_shape: self.key_shape,
            values: self.values.elements(self.value_shape),
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
    let tier = cpu.tier;
    let (key_shape, value_shape) = kv_cache::shapes(shape, cache.pairs());
    // Few rows are not worth making words of keys and values, and are computed each as if alone.
    let form = |sequence: &Sequence| match Form::rounded(tier, head_dim) {
        Form::Words if sequence.rows.len() <= THIN_ROWS => Form::Floats,
        _ if !cache.pairs() => Form::Floats,
        form => form,
    };
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
            let form = form(sequence);
            tile.start(tier, form, head_dim, queries);
            let seen = index_of(rows.end - 1) + 1;
            let mut unit = amx::Unit::new(tier).filter(|_| form == Form::Pairs);
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
