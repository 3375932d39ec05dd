//! Attention over bfloat16: which kernel, in which blocks, with how many splits of the keys.
//! Kernels: `kernels/attention_decode.cu`, `attention_prefill.cu`, `attention_spans.cu`.

use bytemuck::NoUninit;

use super::prepare::HeadNorms;
use super::{CudaKvCache, CudaSequences};
use crate::backend::{Cuda, CudaIndices};
use crate::half::Half;
use crate::launch::Shape;
use crate::tensor::CudaTensor;

/// One of the kernels, as its source has it.
#[derive(Clone, Copy)]
struct Kernel {
    name: &'static str,
    /// Most values of a head.
    head_dim: usize,
    /// Queries of a block.
    size: usize,
    threads: u32,
    /// Rows of queries, keys and values in shared memory.
    shared_rows: usize,
    /// Floats beside them.
    shared_floats: usize,
    /// Fewest keys of a split.
    least_keys: usize,
    /// Most splits.
    most_splits: usize,
}

const fn few(name: &'static str, head_dim: usize, size: usize, warps: usize) -> Kernel {
    // Each warp first has two tiles of 16 keys and 16 values; then its results, in float32, and two floats for each.
    let (tiles, results) = (warps * 2 * 2 * 16, warps * size * 2);
    Kernel {
        name,
        head_dim,
        size,
        threads: 32 * warps as u32,
        shared_rows: size + if tiles > results { tiles } else { results },
        shared_floats: 2 * warps * size,
        // Two turns of each warp: fewer are faster read than their results are put together.
        least_keys: 2 * 16 * warps,
        most_splits: 64,
    }
}

/// `held`: queries lie where the second tile will, and move on into registers.
const fn many(name: &'static str, head_dim: usize, size: usize, keys: usize, held: bool) -> Kernel {
    // Two tiles of keys and values.
    Kernel {
        name,
        head_dim,
        size,
        threads: 128,
        shared_rows: if held { 0 } else { size } + 2 * 2 * keys,
        shared_floats: 0,
        least_keys: 256,
        most_splits: 16,
    }
}

/// From the narrowest on: the first that a head fits into.
const DECODE: [Kernel; 3] = [
    few("attend_decode_64", 64, 16, 4),
    few("attend_decode_128", 128, 16, 4),
    few("attend_decode_256", 256, 16, 2),
];
/// For more queries than those have.
const GUESSES: [Kernel; 3] = [
    few("attend_guesses_64", 64, 32, 4),
    few("attend_guesses_128", 128, 32, 4),
    few("attend_decode_256", 256, 16, 2),
];
const PREFILL: [Kernel; 3] = [
    many("attend_prefill_64", 64, 128, 64, true),
    many("attend_prefill_128", 128, 128, 32, false),
    many("attend_prefill_256", 256, 64, 16, false),
];
/// Where a multiprocessor has 100 KiB of shared memory: two blocks of the usual width fit.
const PREFILL_SMALL: [Kernel; 3] = [
    PREFILL[0],
    many("attend_prefill_128_small", 128, 64, 32, true),
    PREFILL[2],
];
const SPANS: [Kernel; 3] = [
    many("attend_spans_64", 64, 128, 64, true),
    many("attend_spans_80", 80, 128, 32, false),
    many("attend_spans_128", 128, 128, 32, false),
];

/// A multiprocessor has 100 KiB of shared memory, not 164 or 228.
/// Source: CUDA C++ programming guide, technical specifications per compute capability.
fn little_shared(cuda: &Cuda) -> bool {
    matches!(cuda.driver().properties().compute, (8, 6 | 9) | (12, _))
}

impl Kernel {
    fn of(kernels: &[Self], head_dim: usize) -> Self {
        let found = kernels.iter().find(|kernel| head_dim <= kernel.head_dim);
        let most = kernels.last().map_or(0, |kernel| kernel.head_dim);
        *found.unwrap_or_else(|| panic!("heads of at most {most} values, not {head_dim}"))
    }

    /// Rows lie 16 bytes further apart than they are long.
    fn shared(&self) -> u32 {
        (self.shared_rows * (self.head_dim + 8) * 2 + self.shared_floats * 4) as u32
    }

    /// So many that every multiprocessor has two blocks, where there are keys enough.
    fn splits(&self, cuda: &Cuda, blocks: usize, keys: usize) -> usize {
        let wanted = 2 * cuda.driver().properties().multiprocessors as usize;
        let most = (keys / self.least_keys).clamp(1, self.most_splits);
        (wanted / blocks.max(1)).clamp(1, most)
    }

    /// Most tiles that so many queries in so many sequences can have.
    fn most_tiles(&self, queries: usize, sequences: usize) -> usize {
        (queries + (self.size - 1) * sequences) / self.size
    }
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Attend {
    query: u64,
    keys: u64,
    values: u64,
    out: u64,
    sequences: u64,
    pages: u64,
    parts: u64,
    arrived: u64,
    sequence_count: u32,
    kv_heads: u32,
    group: u32,
    head_dim: u32,
    query_pitch: u32,
    key_pitch: u32,
    out_pitch: u32,
    page_shift: u32,
    splits: u32,
    least_rows: u32,
    most_rows: u32,
    scale: f32,
    new_keys: u64,
    new_values: u64,
    query_norm: u64,
    key_norm: u64,
    cos: u64,
    sin: u64,
    new_pitch: u32,
    eps: f32,
}

/// Rows of a step as their products gave them: queries neither normed nor rotated, keys and values not in the cache.
#[derive(Clone, Copy)]
pub(super) struct NewRows<'a> {
    pub(super) key: Half,
    pub(super) value: Half,
    pub(super) norms: HeadNorms<'a>,
    pub(super) angles: [&'a CudaTensor; 2],
}

/// Causal grouped-query attention over the cache. `query`, `out`: [rows, heads * head_dim].
///
/// Sequences of few rows are served by one launch, those of many by another. Where all have few, what is launched
/// depends on the numbers of rows and sequences and on the bucket alone: lengths are read on the device, so that
/// a recorded step serves the next ones too. Only then rows may be new.
pub(super) fn cached(
    cuda: &Cuda,
    query: Half,
    new: Option<NewRows<'_>>,
    cache: &CudaKvCache,
    layer: usize,
    sequences: &CudaSequences,
    out: Half,
) {
    let shape = cache.shape;
    let heads = query.columns / shape.head_dim;
    let group = heads / shape.kv_heads;
    assert!(
        heads * shape.head_dim == query.columns && group * shape.kv_heads == heads,
        "whole groups of heads share keys"
    );
    assert_eq!(
        [sequences.rows(), out.rows, out.columns],
        [query.rows, query.rows, query.columns],
        "sequences and results cover all rows"
    );
    let [keys, values] = cache.layer(layer);
    let params = Attend {
        query: query.address,
        keys,
        values,
        out: out.address,
        sequences: sequences.address(),
        pages: sequences.pages(),
        sequence_count: sequences.count() as u32,
        kv_heads: shape.kv_heads as u32,
        group: group as u32,
        head_dim: shape.head_dim as u32,
        query_pitch: query.pitch() as u32,
        key_pitch: 0,
        out_pitch: out.pitch() as u32,
        page_shift: shape.page_tokens.trailing_zeros(),
        scale: scale(shape.head_dim),
        ..NOTHING
    };
    let few = sequences.part(|rows| rows <= CudaSequences::FEW_ROWS);
    if few.count > 0 {
        let guesses = few.rows * group > 16 * few.count;
        let kernels = if guesses { &GUESSES } else { &DECODE };
        let kernel = Kernel::of(kernels, shape.head_dim);
        let tiles = match few.rows == few.count {
            true => few.count * group.div_ceil(kernel.size),
            false => kernel.most_tiles(few.rows * group, few.count),
        };
        let params = Attend {
            most_rows: CudaSequences::FEW_ROWS as u32,
            new_keys: new.map_or(0, |new| new.key.address),
            new_values: new.map_or(0, |new| new.value.address),
            query_norm: new.map_or(0, |new| new.norms.query.address()),
            key_norm: new.map_or(0, |new| new.norms.key.address()),
            cos: new.map_or(0, |new| new.angles[0].address()),
            sin: new.map_or(0, |new| new.angles[1].address()),
            new_pitch: new.map_or(0, |new| new.key.pitch() as u32),
            eps: new.map_or(0.0, |new| new.norms.eps),
            ..params
        };
        launch(cuda, kernel, tiles, few.bucket, params);
    }
    let many = sequences.part(|rows| rows > CudaSequences::FEW_ROWS);
    if many.count > 0 {
        assert!(new.is_none(), "many rows are prepared before");
        let kernels = match little_shared(cuda) {
            true => &PREFILL_SMALL,
            false => &PREFILL,
        };
        let kernel = Kernel::of(kernels, shape.head_dim);
        let tiles = kernel.most_tiles(many.rows * group, many.count);
        let params = Attend {
            least_rows: CudaSequences::FEW_ROWS as u32 + 1,
            ..params
        };
        launch(cuda, kernel, tiles, many.bucket, params);
    }
}

/// Full attention inside each span of rows. All matrices: [rows, heads * head_dim].
pub(super) fn spans(
    cuda: &Cuda,
    [query, key, value]: [Half; 3],
    heads: usize,
    spans: &CudaIndices,
    out: Half,
) {
    let head_dim = query.columns / heads;
    let shapes = [key, value, out].map(|half| (half.rows, half.columns));
    assert_eq!(
        shapes,
        [(query.rows, query.columns); 3],
        "a key, a value and a result for every query"
    );
    assert!(
        head_dim.is_multiple_of(8) && heads * head_dim == query.columns,
        "heads of a multiple of 8 values"
    );
    let count = spans.count.saturating_sub(1);
    let kernel = Kernel::of(&SPANS, head_dim);
    let params = Attend {
        query: query.address,
        keys: key.address,
        values: value.address,
        out: out.address,
        sequences: spans.buffer.address(),
        sequence_count: count as u32,
        kv_heads: heads as u32,
        group: 1,
        head_dim: head_dim as u32,
        query_pitch: query.pitch() as u32,
        key_pitch: key.pitch() as u32,
        out_pitch: out.pitch() as u32,
        scale: scale(head_dim),
        ..NOTHING
    };
    let tiles = kernel.most_tiles(query.rows, count);
    // How long each span is, only the device knows: no more splits than the average has keys for.
    let keys = query.rows / count.max(1);
    launch(cuda, kernel, tiles, keys, params);
}

/// Of the scores, for powers of two.
fn scale(head_dim: usize) -> f32 {
    std::f32::consts::LOG2_E / (head_dim as f32).sqrt()
}

const NOTHING: Attend = Attend {
    query: 0,
    keys: 0,
    values: 0,
    out: 0,
    sequences: 0,
    pages: 0,
    parts: 0,
    arrived: 0,
    sequence_count: 0,
    kv_heads: 0,
    group: 0,
    head_dim: 0,
    query_pitch: 0,
    key_pitch: 0,
    out_pitch: 0,
    page_shift: 0,
    splits: 1,
    least_rows: 1,
    most_rows: u32::MAX,
    scale: 0.0,
    new_keys: 0,
    new_values: 0,
    query_norm: 0,
    key_norm: 0,
    cos: 0,
    sin: 0,
    new_pitch: 0,
    eps: 0.0,
};

fn launch(cuda: &Cuda, kernel: Kernel, tiles: usize, keys: usize, mut params: Attend) {
    let blocks = tiles * params.kv_heads as usize;
    let splits = kernel.splits(cuda, blocks, keys);
    if splits > 1 {
        // A row of values and the logarithm of its weight for every query of every split.
        let rows = blocks * splits * kernel.size;
        params.splits = splits as u32;
        params.parts = cuda.workspace(Cuda::bytes_of(&[rows, params.head_dim as usize + 1], 4));
        params.arrived = cuda.counters(blocks);
    }
    let shape = Shape {
        grid: [tiles as u32, params.kv_heads, splits as u32],
        threads: kernel.threads,
        shared: kernel.shared(),
    };
    cuda.launch(kernel.name, shape, &params);
}
