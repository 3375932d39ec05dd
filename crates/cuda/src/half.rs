//! Activations inside a block: bfloat16, in memory that somebody else holds.

use crate::driver::Address;

/// A bfloat16 matrix, row-major. What lies between the last column and the pitch is zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Half {
    pub(crate) address: Address,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Half {
    /// Values from one row to the next, so that every row begins at a multiple of 16 bytes.
    pub(crate) fn pitch(self) -> usize {
        self.columns.next_multiple_of(8)
    }
}
