//! The two inner loops everything heavy is made of, written once over the vectors of any tier:
//!
//! - [`dots`]: `out[m, n] (+)= sum over k of x[m, k] * w[n, k]`, both operands contiguous along k. This is
//!   every matrix product (weights lie as the checkpoint stores them) and the scores of attention.
//! - [`axpys`]: `out[m, :] += sum over j of p[m, j] * v[j, :]`. This is what attention does with values.
//!
//! One file per instruction set gives the vectors (`Dot`, `Lanes`) and the entry points compiled for it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
mod axpys;
mod dots;
mod portable;

use half::bf16;

use crate::tier::{Level, Tier};

/// Rows of a matrix, `stride` values apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    values: &'a [T],
    stride: usize,
    count: usize,
    columns: usize,
}

impl<'a, T> Rows<'a, T> {
    /// `count` rows of `columns` values. Panics if `values` is too short for them.
    pub(crate) fn new(values: &'a [T], count: usize, columns: usize, stride: usize) -> Self {
        assert!(count == 0 || (count - 1) * stride + columns <= values.len());
        assert!(count <= 1 || columns <= stride);
        Self {
            values,
            stride,
            count,
            columns,
        }
    }

    /// Some of the rows.
    pub(crate) fn slice(self, first: usize, count: usize) -> Self {
        assert!(first + count <= self.count);
        let values = if count == 0 {
            &[]
        } else {
            &self.values[first * self.stride..]
        };
        Self {
            values,
            count,
            ..self
        }
    }

    /// Some of the columns of every row.
    pub(crate) fn columns(self, first: usize, columns: usize) -> Self {
        assert!(first + columns <= self.columns);
        let values = if self.count == 0 {
            &[]
        } else {
            &self.values[first..]
        };
        Self {
            values,
            columns,
            ..self
        }
    }
}

/// Where a product is written: rows `stride` apart. Whoever holds one may write all of its values, so it is
/// neither `Copy` nor `Clone`; parts of it are lent.
pub(crate) struct Out<'a> {
    values: *mut f32,
    rows: usize,
    columns: usize,
    stride: usize,
    life: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: an `Out` is the only way to its values, as a `&mut [f32]` would be.
unsafe impl Send for Out<'_> {}
// SAFETY: a shared `Out` gives no access to values but through `columns`, whose caller promises that no value
// is reached through two parts at once.
unsafe impl Sync for Out<'_> {}

impl<'a> Out<'a> {
    /// All of a matrix of `rows` x `columns`.
    pub(crate) fn new(values: &'a mut [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(rows == 0 || (rows - 1) * stride + columns <= values.len());
        assert!(rows <= 1 || columns <= stride);
        Self {
            values: values.as_mut_ptr(),
            rows,
            columns,
            stride,
            life: std::marker::PhantomData,
        }
    }

    /// Some of the columns of every row.
    ///
    /// # Safety
    /// No value may be written through two parts that are in use at the same time.
    pub(crate) unsafe fn columns(&self, first: usize, columns: usize) -> Out<'_> {
        assert!(first + columns <= self.columns);
        // SAFETY: the rows and columns lie inside this one; the caller answers for the rest.
        unsafe { self.part(0, self.rows, first, columns) }
    }

    /// Some of the rows, lent.
    pub(crate) fn rows(&mut self, first: usize, rows: usize) -> Out<'_> {
        assert!(first + rows <= self.rows);
        // SAFETY: the rows lie inside this one, which is borrowed for as long as the part lives.
        unsafe { self.part(first, rows, 0, self.columns) }
    }

    /// # Safety
    /// Rows and columns lie inside, and no value is reached through two parts at once.
    unsafe fn part(&self, row: usize, rows: usize, column: usize, columns: usize) -> Out<'_> {
        let offset = if rows == 0 {
            0
        } else {
            row * self.stride + column
        };
        Out {
            // SAFETY: the first value of the part lies inside; there is no offset where there is none.
            values: unsafe { self.values.add(offset) },
            rows,
            columns,
            stride: self.stride,
            life: std::marker::PhantomData,
        }
    }
}

/// Float32 by bfloat16 weights.
pub(crate) fn dots_bf16(tier: Tier, x: Rows<f32>, w: Rows<bf16>, out: &mut Out, accumulate: bool) {
    match tier.level() {
        // SAFETY: the tier proves that the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx512Bf16 => unsafe { avx512::dots_bf16(x, w, out, accumulate) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::dots_bf16(x, w, out, accumulate) },
        _ => portable::dots_bf16(x, w, out, accumulate),
    }
}

/// Float32 by float32.
pub(crate) fn dots_f32(tier: Tier, x: Rows<f32>, w: Rows<f32>, out: &mut Out, accumulate: bool) {
    match tier.level() {
        // SAFETY: the tier proves that the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx512Bf16 => unsafe { avx512::dots_f32(x, w, out, accumulate) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::dots_f32(x, w, out, accumulate) },
        _ => portable::dots_f32(x, w, out, accumulate),
    }
}

/// Whether `dots_rounded` exists on this tier.
pub(crate) fn multiplies_bf16(tier: Tier) -> bool {
    tier.level() == Level::Avx512Bf16
}

/// Bfloat16 by bfloat16, summed in float32. Only where `multiplies_bf16`.
pub(crate) fn dots_rounded(
    tier: Tier,
    x: Rows<bf16>,
    w: Rows<bf16>,
    out: &mut Out,
    accumulate: bool,
) {
    match tier.level() {
        // SAFETY: the tier proves that the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Bf16 => unsafe { avx512_bf16::dots_rounded(x, w, out, accumulate) },
        level => unreachable!("no bf16 products on {level:?}"),
    }
}

/// Rounds float32 to bfloat16, to nearest even.
pub(crate) fn round_bf16(tier: Tier, x: &[f32], out: &mut [bf16]) {
    assert_eq!(x.len(), out.len());
    struct Round<'a>(&'a [f32], &'a mut [bf16]);
    impl Work for Round<'_> {
        #[inline(always)]
        fn run(self) {
            for (x, out) in self.0.iter().zip(self.1) {
                let bits = x.to_bits();
                let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
                // A NaN must stay one: rounding could carry its payload away.
                let nan = (bits >> 16) | 0x40;
                let is_nan = bits & 0x7fff_ffff > 0x7f80_0000;
                *out = bf16::from_bits(if is_nan { nan } else { rounded } as u16);
            }
        }
    }
    vectorise(tier, Round(x, out));
}

/// `out[m, :] += sum over j of p[m, j] * v[j, :]`.
pub(crate) fn axpys(tier: Tier, p: Rows<f32>, v: Rows<f32>, out: &mut Out) {
    match tier.level() {
        // SAFETY: the tier proves that the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx512Bf16 => unsafe { avx512::axpys(p, v, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::axpys(p, v, out) },
        _ => portable::axpys(p, v, out),
    }
}

/// A plain loop that the compiler may vectorise with a tier's instructions. `run` must be
/// `#[inline(always)]`, and call nothing that is not, for that to happen.
pub(crate) trait Work {
    fn run(self);
}

/// Runs a plain loop, compiled for the tier.
pub(crate) fn vectorise(tier: Tier, work: impl Work) {
    match tier.level() {
        // SAFETY: the tier proves that the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx512Bf16 => unsafe { avx512::run(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::run(work) },
        _ => work.run(),
    }
}
