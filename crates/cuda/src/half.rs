//! Activations in bfloat16: what meets a weight, or each other. Kernel: `kernels/half.cu`.

use bytemuck::NoUninit;

use crate::backend::Cuda;
use crate::driver::Address;
use crate::launch::Shape;
use crate::tensor::CudaTensor;

/// Values of a 16-byte piece; rows begin at whole pieces.
pub(crate) const PIECE: usize = 8;

/// A bfloat16 matrix in somebody's buffer, at an address that is a multiple of 16. What lies in a row between the last
/// column and the pitch is zero: whoever writes the matrix writes that too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Half {
    pub(crate) address: Address,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Half {
    /// In the room of a tensor of at least 8 columns, which is float32 and so has room for twice as many values. The
    /// tensor's own values are lost.
    pub(crate) fn in_tensor(tensor: &mut CudaTensor, columns: usize) -> Self {
        let half = Self {
            address: tensor.address(),
            rows: tensor.rows(),
            columns,
        };
        assert!(
            half.bytes() <= tensor.buffer.bytes(),
            "a tensor with room for {} x {columns}",
            half.rows
        );
        half
    }

    /// Values from a row to the next.
    pub(crate) fn pitch(self) -> usize {
        self.columns.next_multiple_of(PIECE)
    }

    /// Bytes of all rows.
    pub(crate) fn bytes(self) -> u64 {
        Cuda::bytes_of(&[self.rows, self.pitch()], size_of::<u16>())
    }
}

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Round {
    x: u64,
    out: u64,
    rows: u32,
    columns: u32,
    pitch: u32,
    unused: u32,
}

/// Rounds every value to the nearest bfloat16.
pub(crate) fn round(cuda: &Cuda, x: &CudaTensor, into: Half) {
    assert_eq!(
        (x.rows(), x.columns()),
        (into.rows, into.columns),
        "one shape"
    );
    let params = Round {
        x: x.address(),
        out: into.address,
        rows: into.rows as u32,
        columns: into.columns as u32,
        pitch: into.pitch() as u32,
        unused: 0,
    };
    let pieces = into.rows * (into.pitch() / PIECE);
    cuda.launch("round_rows", Shape::each(pieces, 256), &params);
}
