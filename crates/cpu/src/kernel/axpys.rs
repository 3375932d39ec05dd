//! Weighted sums of rows over any tier's vectors: tiles of 4 output rows by 4 vectors stay in registers
//! while all the summed rows go by.

use super::{Out, Rows};

/// Vectors of float32 of a tier.
pub(super) trait Lanes {
    /// A vector.
    type Vector: Copy;
    /// Values per vector.
    const COUNT: usize;

    /// The same value in every lane.
    unsafe fn splat(value: f32) -> Self::Vector;
    /// `COUNT` values. Caller: they are there.
    unsafe fn load(from: *const f32) -> Self::Vector;
    /// `count < COUNT` values, the rest zero.
    unsafe fn load_part(from: *const f32, count: usize) -> Self::Vector;
    /// Writes `COUNT` values.
    unsafe fn store(to: *mut f32, vector: Self::Vector);
    /// Writes the first `count < COUNT` values.
    unsafe fn store_part(to: *mut f32, count: usize, vector: Self::Vector);
    /// `sum + a * b`
    unsafe fn multiply_add(sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;
}

/// `out[m, :] += sum over j of p[m, j] * v[j, :]`.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn axpys<L: Lanes>(p: Rows<f32>, v: Rows<f32>, out: &mut Out) {
    assert_eq!(
        (p.columns, p.count, v.columns),
        (v.count, out.rows, out.columns)
    );
    let mut m = 0;
    while m + 4 <= p.count {
        // SAFETY: the caller vouches for the instructions.
        unsafe { rows::<L, 4>(p.slice(m, 4), v, &mut out.rows(m, 4)) };
        m += 4;
    }
    while m < p.count {
        // SAFETY: as above.
        unsafe { rows::<L, 1>(p.slice(m, 1), v, &mut out.rows(m, 1)) };
        m += 1;
    }
}

#[inline(always)]
unsafe fn rows<L: Lanes, const M: usize>(p: Rows<f32>, v: Rows<f32>, out: &mut Out) {
    let columns = v.columns;
    let mut column = 0;
    // SAFETY: the widths below end inside the row; the caller vouches for the instructions.
    unsafe {
        while column + 4 * L::COUNT <= columns {
            tile::<L, M, 4>(p, v, out, column);
            column += 4 * L::COUNT;
        }
        while column + L::COUNT <= columns {
            tile::<L, M, 1>(p, v, out, column);
            column += L::COUNT;
        }
        if column < columns {
            last::<L, M>(p, v, out, column, columns - column);
        }
    }
}

/// `N` whole vectors of `M` rows.
#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize, const N: usize>(
    p: Rows<f32>,
    v: Rows<f32>,
    out: &mut Out,
    column: usize,
) {
    debug_assert!(column + N * L::COUNT <= v.columns && p.count == M && out.rows == M);
    // SAFETY: `Rows` and `Out` hold their rows; columns up to `column + N * COUNT` lie inside them. The
    // caller vouches for the instructions.
    unsafe {
        let at = |i: usize, n: usize| out.values.add(i * out.stride + column + n * L::COUNT);
        let mut sums: [[L::Vector; N]; M] =
            std::array::from_fn(|i| std::array::from_fn(|n| L::load(at(i, n))));
        for j in 0..v.count {
            let row = v.values.as_ptr().add(j * v.stride + column);
            let values: [L::Vector; N] = std::array::from_fn(|n| L::load(row.add(n * L::COUNT)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let weight = L::splat(*p.values.as_ptr().add(i * p.stride + j));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = L::multiply_add(*sum, weight, value);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (n, &sum) in sums.iter().enumerate() {
                L::store(at(i, n), sum);
            }
        }
    }
}

/// The last `rest` columns, less than a vector.
#[inline(always)]
unsafe fn last<L: Lanes, const M: usize>(
    p: Rows<f32>,
    v: Rows<f32>,
    out: &mut Out,
    column: usize,
    rest: usize,
) {
    debug_assert!(column + rest == v.columns && rest < L::COUNT && p.count == M);
    // SAFETY: as in `tile`; partial loads and stores touch `rest` values only.
    unsafe {
        let at = |i: usize| out.values.add(i * out.stride + column);
        let mut sums: [L::Vector; M] = std::array::from_fn(|i| L::load_part(at(i), rest));
        for j in 0..v.count {
            let value = L::load_part(v.values.as_ptr().add(j * v.stride + column), rest);
            for (i, sum) in sums.iter_mut().enumerate() {
                let weight = L::splat(*p.values.as_ptr().add(i * p.stride + j));
                *sum = L::multiply_add(*sum, weight, value);
            }
        }
        for (i, &sum) in sums.iter().enumerate() {
            L::store_part(at(i), rest, sum);
        }
    }
}
