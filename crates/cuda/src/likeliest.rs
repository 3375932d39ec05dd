//! The likeliest of each row of logits. Kernels: `kernels/likeliest.cu`.

use bytemuck::NoUninit;
use ops::likeliest::{LARGEST_VOCABULARY, columns, kept};

use crate::backend::Cuda;
use crate::launch::Shape;
use crate::tensor::CudaTensor;

const THREADS: u32 = 256;
/// Logits that a block looks at.
const PART: usize = 4096;

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    logits: u64,
    parts: u64,
    out: u64,
    rows: u32,
    columns: u32,
    count: u32,
    keep: u32,
}

/// Whether the second pass, a block per row, can look at all that the first keeps.
pub(crate) fn fits(vocabulary: usize) -> bool {
    vocabulary <= LARGEST_VOCABULARY && vocabulary.div_ceil(PART) * kept(vocabulary) <= PART
}

pub(crate) fn find(cuda: &Cuda, logits: &CudaTensor, out: &mut CudaTensor) {
    let (rows, vocabulary) = (logits.rows(), logits.columns());
    assert!(fits(vocabulary), "a vocabulary of at most 262,144");
    assert_eq!(
        (out.rows(), out.columns()),
        (rows, columns(vocabulary)),
        "room for what is kept of every row"
    );
    let (count, keep) = (vocabulary.div_ceil(PART), kept(vocabulary));
    let bytes = Cuda::bytes_of(&[rows, count, 2 * keep + 2], size_of::<f32>());
    let params = Params {
        logits: logits.address(),
        parts: cuda.workspace(bytes),
        out: out.address(),
        rows: rows as u32,
        columns: vocabulary as u32,
        count: count as u32,
        keep: keep as u32,
    };
    let shape = Shape {
        grid: [count as u32, rows as u32, 1],
        threads: THREADS,
        shared: 0,
    };
    cuda.launch("likeliest_parts", shape, &params);
    cuda.launch("likeliest_rows", Shape::new(rows, THREADS), &params);
}
