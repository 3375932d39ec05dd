//! Which rows of a step see which pages.

use ops::BackendError;
use ops::step::Sequence;

use crate::backend::Cuda;
use crate::driver::Address;
use crate::memory::Buffer;

/// Below this, contexts are all the same to the choice of kernels.
const LEAST_BUCKET: usize = 64;

/// The sequences of a step: on the device, and what the choice of kernels needs of them on the host.
pub struct CudaSequences {
    /// Four numbers per sequence (first row, rows, context, first page in `pages`), the sequence of every row,
    /// and pages: one upload for all of it.
    buffer: Buffer,
    /// Rows of each sequence, and keys that its last row sees.
    each: Vec<(usize, usize)>,
    rows: usize,
}

/// Some of the sequences.
pub(super) struct Part {
    pub(super) count: usize,
    pub(super) rows: usize,
    /// The power of two that none of them is longer than.
    pub(super) bucket: usize,
}

impl CudaSequences {
    /// Up to so many rows, a sequence is read as in decode: its keys are split over many blocks.
    pub(super) const FEW_ROWS: usize = 8;

    pub(crate) fn new(cuda: &Cuda, sequences: &[Sequence]) -> Result<Self, BackendError> {
        let rows = sequences.last().map_or(0, |last| last.rows.end);
        let mut numbers = Vec::new();
        let (mut each, mut first_page) = (Vec::new(), 0);
        for sequence in sequences {
            assert_eq!(
                sequence.rows.start,
                each.iter().map(|&(rows, _)| rows).sum::<usize>(),
                "sequences cover the rows in order"
            );
            let count = sequence.rows.len();
            let parts = [sequence.rows.start, count, sequence.context, first_page];
            numbers.extend(parts.map(|number| number as u32));
            first_page += sequence.pages.len();
            each.push((count, sequence.context + count));
        }
        for (index, &(count, _)) in each.iter().enumerate() {
            numbers.extend(std::iter::repeat_n(index as u32, count));
        }
        let pages = sequences.iter().flat_map(|sequence| &sequence.pages);
        numbers.extend(pages);
        // The same size for nearly the same step: it finds the same address again.
        let room = 4 * each.len() + rows + first_page.next_power_of_two();
        let bytes = Cuda::bytes_of(&[room], size_of::<u32>());
        let buffer = cuda.uploaded(bytemuck::cast_slice(&numbers), bytes, "page tables")?;
        Ok(Self { buffer, each, rows })
    }

    /// Rows of all sequences.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Sequences.
    pub(super) fn count(&self) -> usize {
        self.each.len()
    }

    /// No sequence has more than [`Self::FEW_ROWS`].
    pub(super) fn few_rows(&self) -> bool {
        self.each.iter().all(|&(rows, _)| rows <= Self::FEW_ROWS)
    }

    /// Those of which the number of rows is wanted.
    pub(super) fn part(&self, wanted: impl Fn(usize) -> bool) -> Part {
        let those = || self.each.iter().filter(|&&(rows, _)| wanted(rows));
        let longest = those().map(|&(_, keys)| keys).max().unwrap_or(0);
        Part {
            count: those().count(),
            rows: those().map(|&(rows, _)| rows).sum(),
            bucket: longest.next_power_of_two().max(LEAST_BUCKET),
        }
    }

    /// Where the numbers lie. A recording is bound to it.
    pub(super) fn address(&self) -> Address {
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
