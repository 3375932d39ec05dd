//! Which rows of a step see which pages.

use ops::BackendError;
use ops::step::Sequence;

use crate::backend::Cuda;
use crate::driver::Address;
use crate::memory::Buffer;

/// Up to so many rows, a sequence of a step is read as in decode: its keys are split over many blocks.
const FEW_ROWS: usize = 8;
/// Below this, contexts are all the same to the choice of kernels.
const LEAST_BUCKET: usize = 64;

/// The sequences of a step: on the device, and what the choice of kernels needs of them on the host.
pub struct CudaSequences {
    /// Four numbers per sequence (first row, rows, context, first page in `pages`), the sequence of every row,
    /// and pages: one upload for all of it.
    buffer: Buffer,
    /// Rows of each sequence.
    rows: Vec<usize>,
    total_rows: usize,
    longest: usize,
}

impl CudaSequences {
    pub(crate) fn new(cuda: &Cuda, sequences: &[Sequence]) -> Result<Self, BackendError> {
        let total_rows = sequences.last().map_or(0, |last| last.rows.end);
        let mut numbers = Vec::new();
        let (mut rows, mut longest, mut first_page) = (Vec::new(), 0, 0);
        for sequence in sequences {
            assert_eq!(
                sequence.rows.start,
                rows.iter().sum::<usize>(),
                "sequences cover the rows in order"
            );
            let count = sequence.rows.len();
            let parts = [sequence.rows.start, count, sequence.context, first_page];
            numbers.extend(parts.map(|number| number as u32));
            first_page += sequence.pages.len();
            longest = longest.max(sequence.context + count);
            rows.push(count);
        }
        for (index, &count) in rows.iter().enumerate() {
            numbers.extend(std::iter::repeat_n(index as u32, count));
        }
        let pages = sequences.iter().flat_map(|sequence| &sequence.pages);
        numbers.extend(pages);
        // The same size for nearly the same step: it finds the same address again.
        let room = 4 * rows.len() + total_rows + first_page.next_power_of_two();
        let bytes = Cuda::bytes_of(&[room], size_of::<u32>());
        let buffer = cuda.buffer(bytes, "page tables")?;
        buffer.write(0, bytemuck::cast_slice(&numbers));
        Ok(Self {
            buffer,
            rows,
            total_rows,
            longest,
        })
    }

    /// Rows of all sequences.
    pub(crate) fn rows(&self) -> usize {
        self.total_rows
    }

    /// Sequences.
    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }

    /// Rows of each sequence.
    pub(super) fn each(&self) -> &[usize] {
        &self.rows
    }

    /// The power of two that no sequence is longer than, its rows of this step included.
    pub(crate) fn bucket(&self) -> usize {
        self.longest.next_power_of_two().max(LEAST_BUCKET)
    }

    /// Every sequence has few rows: what is launched depends on the numbers of rows and sequences and on the bucket
    /// alone, so that a recording of this step serves another one where these are the same.
    pub(crate) fn few_rows(&self) -> bool {
        self.rows.iter().all(|&rows| rows <= FEW_ROWS)
    }

    /// Where the numbers lie. A recording is bound to it.
    pub(crate) fn address(&self) -> Address {
        self.buffer.address()
    }

    /// The sequence of each row.
    pub(super) fn rows_of(&self) -> Address {
        self.address() + (4 * self.count() * size_of::<u32>()) as u64
    }

    /// The pages of all sequences.
    pub(super) fn pages(&self) -> Address {
        self.rows_of() + (self.rows() * size_of::<u32>()) as u64
    }
}
