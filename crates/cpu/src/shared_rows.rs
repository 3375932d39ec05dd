//! One matrix that several threads write, each its own part.

use std::marker::PhantomData;

use ops::HostTensor;

/// The rows of a tensor, lent to the tasks of one region.
pub(crate) struct SharedRows<'a> {
    values: *mut f32,
    rows: usize,
    columns: usize,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: values are reached only through `part`, whose caller promises that no value is reached twice at once.
unsafe impl Sync for SharedRows<'_> {}

impl<'a> SharedRows<'a> {
    pub(crate) fn new(tensor: &'a mut HostTensor) -> Self {
        let (rows, columns) = (tensor.rows(), tensor.columns());
        Self {
            values: tensor.values_mut().as_mut_ptr(),
            rows,
            columns,
            life: PhantomData,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// `count` values of a row.
    ///
    /// # Safety
    /// While the part is in use, none of its values is in another part.
    #[expect(clippy::mut_from_ref, reason = "disjoint parts; see Safety")]
    pub(crate) unsafe fn part(&self, row: usize, first: usize, count: usize) -> &mut [f32] {
        assert!(row < self.rows && first + count <= self.columns);
        // SAFETY: inside the tensor, which is borrowed for `'a`; the caller answers for the rest.
        unsafe {
            let at = self.values.add(row * self.columns + first);
            std::slice::from_raw_parts_mut(at, count)
        }
    }
}
