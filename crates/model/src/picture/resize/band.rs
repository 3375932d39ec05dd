//! A few rows at a time, stood on end.
//!
//! Along a row, each output pixel is a sum over neighbours at a place of its own, which no vector
//! instruction reads at once. Turned by a quarter, the same sum runs over whole lines of bytes, one
//! byte per row. So a band of rows is transposed, narrowed, and transposed back.

use wide::u8x16;

use super::CHANNELS;
use super::sum::{Pair, Sums};
use super::taps::Taps;

/// Rows of a band.
pub(super) const ROWS: usize = 16;
/// Bytes turned at a time: whole lines, whole pixels, and an even number of them.
const CHUNK: usize = ROWS * CHANNELS;

/// One byte of each row.
type Line = u8x16;
/// Two neighbouring pixels of each row: per channel, both bytes of the upper rows, then of the lower.
type Columns = [[u8x16; 2]; CHANNELS];

/// Narrows bands of rows of one picture.
pub(super) struct Bands<'a> {
    row: usize,
    taps: &'a Taps,
    /// Per output: its first pair of columns, and where its pairs of weights stand.
    spans: Vec<(usize, std::ops::Range<usize>)>,
    weights: Vec<Pair>,
    columns: Vec<Columns>,
    narrow: Vec<Line>,
}

impl<'a> Bands<'a> {
    /// For rows of `row` bytes.
    pub(super) fn new(row: usize, taps: &'a Taps) -> Self {
        let mut weights = Vec::new();
        let mut spans = Vec::with_capacity(taps.outputs());
        for output in 0..taps.outputs() {
            let (first, start) = (taps.inputs(output).start, weights.len());
            // Columns lie in pairs; before an odd one stands another that does not count.
            let before = (first % 2 == 1).then_some(0);
            let own: Vec<i16> = before
                .into_iter()
                .chain(taps.weights(output).iter().copied())
                .collect();
            weights.extend(own.chunks(2).map(Pair::new));
            spans.push((first / 2, start..weights.len()));
        }
        let pairs = row.div_ceil(CHUNK) * CHUNK / (2 * CHANNELS);
        Self {
            row,
            taps,
            spans,
            weights,
            columns: vec![Columns::default(); pairs],
            narrow: vec![Line::default(); taps.outputs() * CHANNELS],
        }
    }

    /// At most a band of rows into as many narrow ones.
    pub(super) fn narrow(&mut self, rows: &[u8], out: &mut [u8]) {
        self.stand(rows);
        self.sum();
        self.lay(out);
    }

    /// Stands rows on end. Missing rows, and what is missing of the last chunk, are zero.
    fn stand(&mut self, rows: &[u8]) {
        let (chunks, _) = self.columns.as_chunks_mut::<{ CHUNK / (2 * CHANNELS) }>();
        for (index, columns) in chunks.iter_mut().enumerate() {
            let mut lines = [Line::default(); CHUNK];
            for (part, lines) in lines.chunks_exact_mut(ROWS).enumerate() {
                let at = index * CHUNK + part * ROWS;
                let mut square = [Line::default(); ROWS];
                for (line, row) in square.iter_mut().zip(rows.chunks_exact(self.row)) {
                    *line = load(row, at);
                }
                lines.copy_from_slice(&transposed(square));
            }
            let (pairs, _) = lines.as_chunks::<{ 2 * CHANNELS }>();
            for (columns, pair) in columns.iter_mut().zip(pairs) {
                for (channel, both) in columns.iter_mut().enumerate() {
                    let (left, right) = (pair[channel], pair[channel + CHANNELS]);
                    *both = [
                        Line::unpack_low(left, right),
                        Line::unpack_high(left, right),
                    ];
                }
            }
        }
    }

    fn sum(&mut self) {
        let (outputs, _) = self.narrow.as_chunks_mut::<CHANNELS>();
        for (out, (first, weights)) in outputs.iter_mut().zip(&self.spans) {
            let weights = &self.weights[weights.clone()];
            let columns = &self.columns[*first..][..weights.len()];
            for (channel, out) in out.iter_mut().enumerate() {
                let mut sums = Sums::new(self.taps.half());
                for (columns, &weights) in columns.iter().zip(weights) {
                    let [upper, lower] = columns[channel];
                    sums.add(upper, lower, weights);
                }
                *out = sums.settled(self.taps.precision());
            }
        }
    }

    /// Lays lines down into rows again, as many as `rows` has.
    fn lay(&self, rows: &mut [u8]) {
        let row = self.narrow.len();
        for (index, lines) in self.narrow.chunks(ROWS).enumerate() {
            let mut square = [Line::default(); ROWS];
            square[..lines.len()].copy_from_slice(lines);
            for (row, line) in rows.chunks_exact_mut(row).zip(transposed(square)) {
                let bytes = line.to_array();
                row[index * ROWS..][..lines.len()].copy_from_slice(&bytes[..lines.len()]);
            }
        }
    }
}

/// The bytes of a row from `at` on, or what there is of them.
#[inline(always)]
fn load(row: &[u8], at: usize) -> u8x16 {
    let bytes = row.get(at..).unwrap_or_default();
    match bytes.first_chunk() {
        Some(&bytes) => u8x16::new(bytes),
        None => {
            let mut own = [0; 16];
            own[..bytes.len()].copy_from_slice(bytes);
            u8x16::new(own)
        }
    }
}

/// Byte j of line i becomes byte i of line j. Interleaving the lines of the upper half with those of
/// the lower one rotates the eight bits that number a byte; after four times i and j have changed
/// places.
#[inline(always)]
fn transposed(mut square: [Line; ROWS]) -> [Line; ROWS] {
    for _ in 0..ROWS.ilog2() {
        let (upper, lower) = square.split_at(ROWS / 2);
        let mut next = [Line::default(); ROWS];
        for ((out, &upper), &lower) in next.chunks_exact_mut(2).zip(upper).zip(lower) {
            out[0] = Line::unpack_low(upper, lower);
            out[1] = Line::unpack_high(upper, lower);
        }
        square = next;
    }
    square
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_transposed() {
        let square =
            std::array::from_fn(|i| Line::new(std::array::from_fn(|j| (16 * i + j) as u8)));
        for (i, line) in transposed(square).into_iter().enumerate() {
            assert_eq!(line.to_array(), std::array::from_fn(|j| (16 * j + i) as u8));
        }
    }
}
