//! Values one by one, and rows that are moved. Kernels: `kernels/elementwise.cu`.

use bytemuck::NoUninit;
use ops::backend::Gelu;

use crate::backend::{Cuda, CudaIndices};
use crate::launch::Shape;
use crate::memory::Buffer;
use crate::tensor::CudaTensor;

const THREADS: u32 = 256;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Pair {
    into: u64,
    from: u64,
    count: u64,
}

/// `add` or `silu_mul`: two tensors of one shape, the first is changed.
pub(crate) fn pair(cuda: &Cuda, kernel: &str, into: &mut CudaTensor, from: &CudaTensor) {
    assert_eq!(
        (into.rows(), into.columns()),
        (from.rows(), from.columns()),
        "two tensors of one shape"
    );
    let params = Pair {
        into: into.address(),
        from: from.address(),
        count: into.count() as u64,
    };
    cuda.launch(kernel, Shape::each(into.count(), THREADS), &params);
}

pub(crate) fn gelu(cuda: &Cuda, x: &mut CudaTensor, kind: Gelu) {
    let kernel = match kind {
        Gelu::Tanh => "gelu_tanh",
        Gelu::Erf => "gelu_erf",
    };
    let params = Pair {
        into: x.address(),
        from: 0,
        count: x.count() as u64,
    };
    cuda.launch(kernel, Shape::each(x.count(), THREADS), &params);
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Rotate {
    x: u64,
    cos: u64,
    sin: u64,
    rows: u32,
    heads: u32,
    half: u32,
    unused: u32,
}

pub(crate) fn rotate(cuda: &Cuda, x: &mut CudaTensor, cos: &CudaTensor, sin: &CudaTensor) {
    let (rows, half) = (cos.rows(), cos.columns());
    assert_eq!(
        (sin.rows(), sin.columns()),
        (rows, half),
        "an angle has both"
    );
    assert!(
        x.rows() == rows && x.columns().is_multiple_of(2 * half),
        "angles for half a head of every row"
    );
    let params = Rotate {
        x: x.address(),
        cos: cos.address(),
        sin: sin.address(),
        rows: rows as u32,
        heads: (x.columns() / (2 * half)) as u32,
        half: half as u32,
        unused: 0,
    };
    cuda.launch("rotate", Shape::each(x.count() / 2, THREADS), &params);
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Rows {
    into: u64,
    from: u64,
    to_rows: u64,
    from_rows: u64,
    rows: u32,
    columns: u32,
    add: u32,
    unused: u32,
}

/// `into[to[i]] = from[rows[i]]`, or `+=`. Row numbers are the caller's promise.
pub(crate) fn move_rows(
    cuda: &Cuda,
    into: &mut CudaTensor,
    to: Option<&CudaIndices>,
    from: &CudaTensor,
    rows: Option<&CudaIndices>,
    add: bool,
) {
    let count = to.or(rows).map_or(from.rows(), |rows| rows.count);
    assert!(
        rows.is_none_or(|rows| rows.count == count) && into.columns() == from.columns(),
        "as many rows from as to, all of one width"
    );
    let numbers = |rows: Option<&CudaIndices>| rows.map_or(0, |rows| rows.buffer.address());
    let params = Rows {
        into: into.address(),
        from: from.address(),
        to_rows: numbers(to),
        from_rows: numbers(rows),
        rows: count as u32,
        columns: into.columns() as u32,
        add: u32::from(add),
        unused: 0,
    };
    cuda.launch(
        "move_rows",
        Shape::each(count * into.columns(), THREADS),
        &params,
    );
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Interpolated {
    x: u64,
    table: u64,
    places: u64,
    weights: u64,
    rows: u32,
    columns: u32,
}

pub(crate) fn add_interpolated(
    cuda: &Cuda,
    x: &mut CudaTensor,
    table: &Buffer,
    places: &CudaIndices,
    weights: &CudaTensor,
) {
    assert!(
        places.count == x.rows() * 4 && weights.count() == x.rows() * 4,
        "four places and weights for every row"
    );
    let params = Interpolated {
        x: x.address(),
        table: table.address(),
        places: places.buffer.address(),
        weights: weights.address(),
        rows: x.rows() as u32,
        columns: x.columns() as u32,
    };
    cuda.launch("add_interpolated", Shape::each(x.count(), THREADS), &params);
}
