//! Plain code in the shape of vectors, for any processor: arrays of 8 that the compiler maps to what it has.
//! A file for NEON belongs beside this one once a machine that can build and test it is at hand.

use half::bf16;

use super::axpys::Lanes;
use super::dots::Dot;
use super::{Out, Rows};

const LANES: usize = 8;
type Vector = [f32; LANES];

struct Portable;

#[inline(always)]
fn multiply_add(mut sums: Vector, a: Vector, b: Vector) -> Vector {
    for lane in 0..LANES {
        sums[lane] += a[lane] * b[lane];
    }
    sums
}

impl Lanes for Portable {
    type Vector = Vector;
    const COUNT: usize = LANES;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Vector {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Vector {
        // SAFETY: the caller has `LANES` values there.
        unsafe { from.cast::<Vector>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Vector {
        let mut vector = [0.0; LANES];
        // SAFETY: the caller has `count` values there.
        vector[..count].copy_from_slice(unsafe { std::slice::from_raw_parts(from, count) });
        vector
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: Vector) {
        // SAFETY: the caller has room for `LANES` values there.
        unsafe { to.cast::<Vector>().write_unaligned(vector) };
    }

    #[inline(always)]
    unsafe fn store_part(to: *mut f32, count: usize, vector: Vector) {
        // SAFETY: the caller has room for `count` values there.
        unsafe { std::slice::from_raw_parts_mut(to, count) }.copy_from_slice(&vector[..count]);
    }

    #[inline(always)]
    unsafe fn multiply_add(sum: Vector, a: Vector, b: Vector) -> Vector {
        multiply_add(sum, a, b)
    }
}

/// Float32 on the left; on the right anything that widens to it.
struct Widening<W>(std::marker::PhantomData<W>);

trait Widen: Copy {
    fn widen(self) -> f32;
}

impl Widen for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

impl Widen for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

impl<W: Widen> Dot for Widening<W> {
    type X = f32;
    type W = W;
    type Vector = Vector;
    type Sums = Vector;
    const STEP: usize = LANES;

    #[inline(always)]
    unsafe fn zero() -> Vector {
        [0.0; LANES]
    }

    #[inline(always)]
    unsafe fn load_x(from: *const f32) -> Vector {
        // SAFETY: the caller's promise is `load`'s.
        unsafe { Portable::load(from) }
    }

    #[inline(always)]
    unsafe fn load_w(from: *const W) -> Vector {
        // SAFETY: the caller has `LANES` values there.
        let values = unsafe { from.cast::<[W; LANES]>().read_unaligned() };
        values.map(W::widen)
    }

    #[inline(always)]
    unsafe fn load_x_part(from: *const f32, count: usize) -> Vector {
        // SAFETY: the caller's promise is `load_part`'s.
        unsafe { Portable::load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn load_w_part(from: *const W, count: usize) -> Vector {
        let mut vector = [0.0; LANES];
        // SAFETY: the caller has `count` values there.
        let values = unsafe { std::slice::from_raw_parts(from, count) };
        for (to, value) in vector.iter_mut().zip(values) {
            *to = value.widen();
        }
        vector
    }

    #[inline(always)]
    unsafe fn multiply_add(sums: Vector, x: Vector, w: Vector) -> Vector {
        multiply_add(sums, x, w)
    }

    #[inline(always)]
    unsafe fn total(sums: Vector) -> f32 {
        let [a, b, c, d, e, f, g, h] = sums;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

pub(super) fn dots_bf16(x: Rows<f32>, w: Rows<bf16>, out: &mut Out, accumulate: bool) {
    // SAFETY: no special instructions.
    unsafe { super::dots::blocks::<Widening<bf16>, 2, 2>(x, w, out, accumulate) }
}

pub(super) fn dots_f32(x: Rows<f32>, w: Rows<f32>, out: &mut Out, accumulate: bool) {
    // SAFETY: no special instructions.
    unsafe { super::dots::blocks::<Widening<f32>, 2, 2>(x, w, out, accumulate) }
}

pub(super) fn axpys(p: Rows<f32>, v: Rows<f32>, out: &mut Out) {
    // SAFETY: no special instructions.
    unsafe { super::axpys::axpys::<Portable>(p, v, out) }
}
