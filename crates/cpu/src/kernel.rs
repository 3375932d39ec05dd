//! The inner loops everything heavy is made of, written once over the vectors of any instruction set:
//!
//! - [`wide`]: many rows meet up to four panels of a weight, `c[m, n] += sum over k of x[m, k] w[k, n]`. Every
//!   matrix product over a picture or a prompt, and both products of attention.
//! - [`thin`]: up to four rows meet one panel as it streams by from memory. Every product while words are written.
//!
//! One file per instruction set gives the vectors ([`lanes::Lanes`]) and a function compiled for them.

pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
pub(crate) mod lanes;
mod portable;
pub(crate) mod softmax;
pub(crate) mod thin;
pub(crate) mod wide;

use lanes::Lanes;

use crate::tier::{Level, Tier};

/// Work written over the vectors of any instruction set. `run` must be `#[inline(always)]`, so that it is
/// compiled as part of the function that has the instructions.
pub(crate) trait Kernel {
    /// # Safety
    /// The processor has the instructions of `L`.
    unsafe fn run<L: Lanes>(self);
}

/// Runs a kernel with the vectors of the tier.
pub(crate) fn dispatch(tier: Tier, kernel: impl Kernel) {
    match tier.level() {
        // SAFETY: of every arm; the tier proves that the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Amx | Level::Avx512Bf16 | Level::Avx512Vnni => unsafe {
            avx512_vnni::run(kernel);
        },
        // SAFETY: see above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512_plain::run(kernel) },
        // SAFETY: see above.
        #[cfg(target_arch = "x86_64")]
        Level::AvxVnni => unsafe { avx2_vnni::run(kernel) },
        // SAFETY: see above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2_plain::run(kernel) },
        // SAFETY: plain code.
        _ => unsafe { kernel.run::<portable::Portable>() },
    }
}

macro_rules! compiled_for {
    ($module:ident, $features:literal, $lanes:ty) => {
        #[cfg(target_arch = "x86_64")]
        mod $module {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn run(kernel: impl Kernel) {
                // SAFETY: this function is compiled for the instructions.
                unsafe { kernel.run::<$lanes>() }
            }
        }
    };
}

compiled_for!(avx2_plain, "avx2,fma,f16c", avx2::Avx2<avx2::Words>);
compiled_for!(avx2_vnni, "avx2,fma,f16c,avxvnni", avx2::Avx2<avx2::Vnni>);
compiled_for!(
    avx512_plain,
    "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c",
    avx512::Avx512<avx512::Words>
);
compiled_for!(
    avx512_vnni,
    "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c",
    avx512::Avx512<avx512::Vnni>
);

/// A plain loop that the compiler turns into vectors. `run` must be `#[inline(always)]`.
pub(crate) trait Work {
    /// Runs it.
    fn run(self);
}

struct Plain<W>(W);

impl<W: Work> Kernel for Plain<W> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        self.0.run();
    }
}

/// Runs a plain loop, compiled for the tier.
pub(crate) fn vectorise(tier: Tier, work: impl Work) {
    dispatch(tier, Plain(work));
}

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
}

/// Neighbouring panels, `stride` values apart, of `depth` steps of 16 values.
#[derive(Clone, Copy)]
pub(crate) struct Panels<'a, T> {
    values: &'a [T],
    stride: usize,
    count: usize,
    depth: usize,
}

impl<'a, T> Panels<'a, T> {
    /// Panics if `values` is too short.
    pub(crate) fn new(values: &'a [T], count: usize, depth: usize, stride: usize) -> Self {
        assert!(count > 0 && (count - 1) * stride + depth * 16 <= values.len());
        Self {
            values,
            stride,
            count,
            depth,
        }
    }

    /// One of them.
    pub(crate) fn panel(&self, index: usize) -> &'a [T] {
        &self.values[index * self.stride..][..self.depth * 16]
    }
}

/// Activations in int8: `x = value * scale`, one scale per 128 values.
#[derive(Clone, Copy)]
pub(crate) struct Ints<'a> {
    /// [rows, depth], a multiple of 256 per row
    values: &'a [i8],
    /// The same in 16 bits; empty where nothing multiplies words.
    words: &'a [i16],
    depth: usize,
    rows: usize,
    /// Scales times [`crate::pack::UNIT`], [rows, depth / 128].
    scales: &'a [f32],
    /// Sums of 128 values, [rows, depth / 128].
    totals: &'a [i32],
    /// Sums of 32 values times scale times [`crate::pack::UNIT`], [rows, depth / 32].
    sums: &'a [f32],
}

impl<'a> Ints<'a> {
    /// Panics if a part has not as many values as the rows need.
    pub(crate) fn new(
        values: &'a [i8],
        words: &'a [i16],
        scales: &'a [f32],
        totals: &'a [i32],
        sums: &'a [f32],
        depth: usize,
    ) -> Self {
        let rows = values.len() / depth;
        assert!(depth.is_multiple_of(256) && values.len() == rows * depth);
        assert!(scales.len() == rows * (depth / 128) && totals.len() == scales.len());
        assert!(sums.len() == rows * (depth / 32));
        assert!(words.is_empty() || words.len() == values.len());
        Self {
            values,
            words,
            depth,
            rows,
            scales,
            totals,
            sums,
        }
    }

    /// Some of the rows.
    pub(crate) fn slice(self, first: usize, rows: usize) -> Self {
        let part = |per_row: usize| first * per_row..(first + rows) * per_row;
        let words = match self.words {
            [] => self.words,
            words => &words[part(self.depth)],
        };
        Self {
            values: &self.values[part(self.depth)],
            words,
            scales: &self.scales[part(self.depth / 128)],
            totals: &self.totals[part(self.depth / 128)],
            sums: &self.sums[part(self.depth / 32)],
            rows,
            ..self
        }
    }
}
