//! Blocks of dot products over any tier's vectors: tiles of M rows by N weight rows keep M*N sums in
//! registers while they walk along k, so each loaded vector is used M or N times.

use super::{Out, Rows};

/// How a tier multiplies: vectors along k of both operands into a vector of sums.
pub(super) trait Dot {
    /// Left values.
    type X: Copy;
    /// Right values.
    type W: Copy;
    /// A vector of left (or right) values.
    type Vector: Copy;
    /// A vector of sums.
    type Sums: Copy;
    /// Values along k per vector.
    const STEP: usize;

    /// All zero.
    unsafe fn zero() -> Self::Sums;
    /// `STEP` left values. Caller: they are there.
    unsafe fn load_x(from: *const Self::X) -> Self::Vector;
    /// `STEP` right values. Caller: they are there.
    unsafe fn load_w(from: *const Self::W) -> Self::Vector;
    /// `count < STEP` left values, the rest zero.
    unsafe fn load_x_part(from: *const Self::X, count: usize) -> Self::Vector;
    /// `count < STEP` right values, the rest zero.
    unsafe fn load_w_part(from: *const Self::W, count: usize) -> Self::Vector;
    /// `sums + x * w`, lane by lane (or pair by pair).
    unsafe fn multiply_add(sums: Self::Sums, x: Self::Vector, w: Self::Vector) -> Self::Sums;
    /// The sum of all lanes.
    unsafe fn total(sums: Self::Sums) -> f32;
}

/// Values of k per pass: a tile of weight rows stays in the first-level cache while all rows of x go by.
const K_BLOCK: usize = 1024;
/// Rows of x per pass: with `K_BLOCK` columns they stay in the second-level cache.
const M_BLOCK: usize = 64;

/// `out (+)= x w^T` in tiles of `M` x `N`.
///
/// # Safety
/// The processor has the instructions of `D`.
#[inline(always)]
pub(super) unsafe fn blocks<D: Dot, const M: usize, const N: usize>(
    x: Rows<D::X>,
    w: Rows<D::W>,
    out: &mut Out,
    accumulate: bool,
) {
    assert_eq!(
        (x.columns, x.count, w.count),
        (w.columns, out.rows, out.columns)
    );
    let k = x.columns;
    let mut from_k = 0;
    loop {
        let k_block = K_BLOCK.min(k - from_k);
        let add = accumulate || from_k > 0;
        let (x, w) = (x.columns(from_k, k_block), w.columns(from_k, k_block));
        let mut from_m = 0;
        while from_m < x.count {
            let m_block = M_BLOCK.min(x.count - from_m);
            let (x, out) = (x.slice(from_m, m_block), &mut out.rows(from_m, m_block));
            let mut n = 0;
            while n + N <= w.count {
                // SAFETY: the caller vouches for the instructions.
                unsafe { column_of_tiles::<D, M, N>(x, w.slice(n, N), out, n, add) };
                n += N;
            }
            while n < w.count {
                // SAFETY: as above.
                unsafe { column_of_tiles::<D, M, 1>(x, w.slice(n, 1), out, n, add) };
                n += 1;
            }
            from_m += m_block;
        }
        from_k += k_block;
        if from_k >= k {
            break;
        }
    }
}

#[inline(always)]
unsafe fn column_of_tiles<D: Dot, const M: usize, const N: usize>(
    x: Rows<D::X>,
    w: Rows<D::W>,
    out: &mut Out,
    n: usize,
    add: bool,
) {
    let mut m = 0;
    while m + M <= x.count {
        // SAFETY: the caller vouches for the instructions.
        unsafe { tile::<D, M, N>(x.slice(m, M), w, out, m, n, add) };
        m += M;
    }
    while m < x.count {
        // SAFETY: as above.
        unsafe { tile::<D, 1, N>(x.slice(m, 1), w, out, m, n, add) };
        m += 1;
    }
}

/// One tile: `out[m + i, n + j] (+)= x[i] . w[j]`.
#[inline(always)]
unsafe fn tile<D: Dot, const M: usize, const N: usize>(
    x: Rows<D::X>,
    w: Rows<D::W>,
    out: &mut Out,
    m: usize,
    n: usize,
    add: bool,
) {
    debug_assert!(x.count == M && w.count == N && m + M <= out.rows && n + N <= out.columns);
    let k = x.columns;
    // SAFETY: `Rows` holds `count` rows of `columns` values, `stride` apart: row i < count starts inside
    // and every index below k lies inside it. `Out` likewise; see `Out::columns` for who may write. The
    // caller vouches for the instructions.
    unsafe {
        let x_row = |i: usize| x.values.as_ptr().add(i * x.stride);
        let w_row = |j: usize| w.values.as_ptr().add(j * w.stride);
        let mut sums = [[D::zero(); M]; N];
        let mut at = 0;
        while at + D::STEP <= k {
            let xs: [D::Vector; M] = std::array::from_fn(|i| D::load_x(x_row(i).add(at)));
            for (j, sums) in sums.iter_mut().enumerate() {
                let right = D::load_w(w_row(j).add(at));
                for (sum, &left) in sums.iter_mut().zip(&xs) {
                    *sum = D::multiply_add(*sum, left, right);
                }
            }
            at += D::STEP;
        }
        if at < k {
            let rest = k - at;
            let xs: [D::Vector; M] =
                std::array::from_fn(|i| D::load_x_part(x_row(i).add(at), rest));
            for (j, sums) in sums.iter_mut().enumerate() {
                let right = D::load_w_part(w_row(j).add(at), rest);
                for (sum, &left) in sums.iter_mut().zip(&xs) {
                    *sum = D::multiply_add(*sum, left, right);
                }
            }
        }
        for (j, sums) in sums.iter().enumerate() {
            for (i, &sums) in sums.iter().enumerate() {
                let to = out.values.add((m + i) * out.stride + n + j);
                let before = if add { *to } else { 0.0 };
                *to = before + D::total(sums);
            }
        }
    }
}
