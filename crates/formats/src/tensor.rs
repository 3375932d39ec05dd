//! A typed view of some bytes that keeps those bytes alive.
//!
//! Row-major, little-endian, no strides. Cloning copies a pointer and a shape, never the data, so a
//! backend can hold a tensor and use the mapped bytes in place.

use std::ops::Range;
use std::sync::Arc;

use half::{bf16, f16};

use crate::storage::Storage;
use crate::{Dtype, Error};

/// Shape, dtype and bytes; the bytes are valid for as long as any clone lives.
#[derive(Clone, Debug)]
pub struct Tensor {
    storage: Arc<Storage>,
    range: Range<usize>,
    dtype: Dtype,
    shape: Box<[usize]>,
}

impl Tensor {
    /// A view of `range` of `storage`. The caller has checked that the range lies inside and that
    /// it has exactly the bytes of shape and dtype.
    pub(crate) fn view(
        storage: Arc<Storage>,
        range: Range<usize>,
        dtype: Dtype,
        shape: &[usize],
    ) -> Self {
        debug_assert_eq!(dtype.bytes_of(shape), Some(range.len()));
        debug_assert!(range.end <= storage.bytes().len());
        Self {
            storage,
            range,
            dtype,
            shape: shape.into(),
        }
    }

    /// A tensor that owns its bytes.
    pub fn from_bytes(dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Result<Self, Error> {
        if dtype.bytes_of(shape) != Some(bytes.len()) {
            return Err(Error::Bytes {
                dtype,
                shape: shape.to_vec(),
                have: bytes.len(),
            });
        }
        let range = 0..bytes.len();
        Ok(Self::view(
            Arc::new(Storage::heap(bytes)),
            range,
            dtype,
            shape,
        ))
    }

    /// An f32 tensor from computed values.
    ///
    /// # Panics
    /// If `values` does not fill `shape`.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Self {
        Self::from_values(Dtype::F32, shape, values)
    }

    /// A bf16 tensor from computed values.
    ///
    /// # Panics
    /// If `values` does not fill `shape`.
    pub fn from_bf16(shape: &[usize], values: &[bf16]) -> Self {
        Self::from_values(Dtype::Bf16, shape, values)
    }

    fn from_values<T: bytemuck::NoUninit>(dtype: Dtype, shape: &[usize], values: &[T]) -> Self {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        assert_eq!(
            dtype.bytes_of(shape),
            Some(bytes.len()),
            "values must fill {shape:?}"
        );
        let range = 0..bytes.len();
        Self::view(Arc::new(Storage::heap(bytes.to_vec())), range, dtype, shape)
    }

    /// How an element is stored.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Lengths of the axes, slowest first; empty for a single number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.range.len() / self.dtype.bytes_per_element()
    }

    /// The stored bytes, at whatever address they lie.
    pub fn bytes(&self) -> &[u8] {
        &self.storage.bytes()[self.range.clone()]
    }

    /// Says that the bytes are not needed for now, so that a mapped file does not pile up in memory
    /// while its tensors are read one after the other. They can be read again at any time; a tensor
    /// that owns its bytes keeps them.
    pub fn release(&self) {
        self.storage.release(self.range.clone());
    }

    /// The same bytes under another shape; `None` if the number of elements differs.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        (self.dtype.bytes_of(shape) == Some(self.range.len())).then(|| Self {
            shape: shape.into(),
            ..self.clone()
        })
    }

    /// Rows `rows` of the first axis, without copying; `None` if they are not all there.
    pub fn rows(&self, rows: Range<usize>) -> Option<Self> {
        let (&have, rest) = self.shape.split_first()?;
        if rows.start > rows.end || rows.end > have {
            return None;
        }
        let row_bytes = self.dtype.bytes_of(rest)?;
        let range =
            self.range.start + rows.start * row_bytes..self.range.start + rows.end * row_bytes;
        let shape: Vec<usize> = std::iter::once(rows.len())
            .chain(rest.iter().copied())
            .collect();
        Some(Self {
            storage: Arc::clone(&self.storage),
            range,
            dtype: self.dtype,
            shape: shape.into(),
        })
    }

    /// The values in place, if they are bf16 and lie on an even address.
    pub fn as_bf16(&self) -> Option<&[bf16]> {
        self.in_place(Dtype::Bf16)
    }

    /// The values in place, if they are f16 and lie on an even address.
    pub fn as_f16(&self) -> Option<&[f16]> {
        self.in_place(Dtype::F16)
    }

    /// The values in place, if they are f32 and lie on an address divisible by four.
    pub fn as_f32(&self) -> Option<&[f32]> {
        self.in_place(Dtype::F32)
    }

    fn in_place<T: bytemuck::AnyBitPattern>(&self, dtype: Dtype) -> Option<&[T]> {
        if cfg!(target_endian = "big") || self.dtype != dtype {
            return None;
        }
        bytemuck::try_cast_slice(self.bytes()).ok()
    }

    /// All values as f32, from any float dtype at any address.
    ///
    /// # Panics
    /// If the dtype is not a float; `Checkpoint::tensor` gives floats only.
    pub fn to_f32(&self) -> Vec<f32> {
        let bytes = self.bytes();
        match self.dtype {
            Dtype::F32 => each(bytes, f32::from_le_bytes),
            Dtype::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Dtype::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Dtype::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            other => panic!("to_f32 of a {other} tensor"),
        }
    }

    /// All values as i64, from any integer dtype but U64.
    ///
    /// # Panics
    /// If the dtype is a float or U64.
    pub fn to_i64(&self) -> Vec<i64> {
        let bytes = self.bytes();
        match self.dtype {
            Dtype::Bool | Dtype::U8 => each(bytes, |b| u8::from_le_bytes(b).into()),
            Dtype::I8 => each(bytes, |b| i8::from_le_bytes(b).into()),
            Dtype::U16 => each(bytes, |b| u16::from_le_bytes(b).into()),
            Dtype::I16 => each(bytes, |b| i16::from_le_bytes(b).into()),
            Dtype::U32 => each(bytes, |b| u32::from_le_bytes(b).into()),
            Dtype::I32 => each(bytes, |b| i32::from_le_bytes(b).into()),
            Dtype::I64 => each(bytes, i64::from_le_bytes),
            other => panic!("to_i64 of a {other} tensor"),
        }
    }
}

fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|&chunk| read(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_every_float_dtype() {
        let values = [0.0f32, -1.5, 0.5, 96.0];
        let f16s: Vec<u8> = values
            .iter()
            .flat_map(|&v| f16::from_f32(v).to_le_bytes())
            .collect();
        let f64s: Vec<u8> = values
            .iter()
            .flat_map(|&v| f64::from(v).to_le_bytes())
            .collect();
        let bf16s: Vec<bf16> = values.iter().map(|&v| bf16::from_f32(v)).collect();
        assert_eq!(Tensor::from_f32(&[2, 2], &values).to_f32(), values);
        assert_eq!(Tensor::from_bf16(&[4], &bf16s).to_f32(), values);
        assert_eq!(
            Tensor::from_bytes(Dtype::F16, &[4, 1], f16s)
                .unwrap()
                .to_f32(),
            values
        );
        assert_eq!(
            Tensor::from_bytes(Dtype::F64, &[4], f64s).unwrap().to_f32(),
            values
        );
    }

    #[test]
    fn bytes_that_do_not_fill_the_shape_are_refused() {
        assert!(Tensor::from_bytes(Dtype::F32, &[2], vec![0; 7]).is_err());
        assert!(Tensor::from_bytes(Dtype::F32, &[usize::MAX, 2], vec![0; 8]).is_err());
    }

    #[test]
    fn an_odd_address_is_read_by_copy_and_never_in_place() {
        let mut bytes = vec![0u8];
        bytes.extend(1.5f32.to_le_bytes());
        let storage = Arc::new(Storage::heap(bytes));
        let odd = Tensor::view(storage, 1..5, Dtype::F32, &[1]);
        assert!(odd.as_f32().is_none());
        assert_eq!(odd.to_f32(), [1.5]);
    }

    #[test]
    fn owned_tensors_are_always_usable_in_place() {
        for extra in 0..8 {
            let tensor = Tensor::from_f32(&[3 + extra], &vec![2.0; 3 + extra]);
            assert_eq!(tensor.as_f32().map(<[f32]>::len), Some(3 + extra));
            assert!(tensor.as_bf16().is_none());
        }
    }

    #[test]
    fn rows_and_reshapes_see_the_same_bytes() {
        let tensor = Tensor::from_f32(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let tail = tensor.rows(1..3).unwrap();
        assert_eq!(tail.shape(), [2, 2]);
        assert_eq!(tail.to_f32(), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(tail.rows(1..2).unwrap().to_f32(), [4.0, 5.0]);
        assert_eq!(tail.bytes().as_ptr(), tensor.bytes()[8..].as_ptr());
        assert_eq!(tensor.rows(3..3).unwrap().elements(), 0);
        assert!(tensor.rows(2..4).is_none());
        assert_eq!(tensor.reshaped(&[6]).unwrap().shape(), [6]);
        assert!(tensor.reshaped(&[4]).is_none());
    }

    #[test]
    fn integers_keep_their_sign() {
        let bytes = [-2i32, 7].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(
            Tensor::from_bytes(Dtype::I32, &[2], bytes)
                .unwrap()
                .to_i64(),
            [-2, 7]
        );
    }
}
