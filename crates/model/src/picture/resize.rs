//! Bicubic resize with antialias, in integers, bit for bit as the reference does it.
//!
//! One axis after the other, width first over all rows, 8 bits in between; an axis that keeps its
//! size is left alone. Source: the rule of torchvision's uint8 path, restated in the golden data's
//! notes. Golden: `images/resized`. Float bicubic, another order of the axes or another precision all
//! differ by some steps, and one step already moves the model's logits.
//!
//! A photo that lies on its side is resized as it lies: its width is then the stored height, so that
//! axis comes first, and only the small result is turned. Between the axes stand only as many rows as
//! the second one needs at a time.

mod band;
mod sum;
mod taps;
#[cfg(test)]
mod tests;

use super::{Size, Turn};
use band::{Bands, ROWS};
use sum::{Pair, Sums};
use taps::Taps;
use wide::bytemuck::cast;
use wide::u8x16;

/// Colours of a pixel.
const CHANNELS: usize = 3;
/// Bytes of a row summed at a time: their sums stay in registers.
const STRIP: usize = 32;

/// `pixels` (RGB, row by row) of size `from`, resized to `to`.
///
/// # Panics
/// If there are not three bytes per pixel, or a side is zero.
pub fn resize(pixels: &[u8], from: Size, to: Size) -> Vec<u8> {
    resize_upright(pixels, from, Turn::default(), to)
}

/// The same for a picture stored otherwise than it is shown: `stored` of size `from` as stored, turned
/// by `turn`, resized to `to` as shown.
pub(super) fn resize_upright(stored: &[u8], from: Size, turn: Turn, to: Size) -> Vec<u8> {
    assert_eq!(
        stored.len(),
        from.pixels() * CHANNELS,
        "three bytes per pixel"
    );
    assert!(from.pixels() > 0 && to.pixels() > 0, "no side may be zero");
    let lying = turn.size(to);
    let across = taps(from.width, lying.width, turn.from_right);
    let down = taps(from.height, lying.height, turn.from_bottom);
    let row = from.width * CHANNELS;
    let out = match (&across, &down) {
        (None, None) => stored.to_vec(),
        (Some(across), None) => resize_across(stored, row, across),
        (None, Some(down)) => resize_down(stored, row, down),
        (Some(across), Some(down)) if turn.quarter => resize_down_first(stored, row, down, across),
        (Some(across), Some(down)) => resize_across_first(stored, row, across, down),
    };
    turn.upright(out, lying)
}

/// None if the axis keeps its size. The rule is stated for the axis as shown; rounding might treat its
/// ends differently, so it is mirrored and not computed for the axis as stored.
fn taps(inputs: usize, outputs: usize, mirrored: bool) -> Option<Taps> {
    let taps = (inputs != outputs).then(|| Taps::new(inputs, outputs))?;
    Some(if mirrored {
        taps.mirrored(inputs)
    } else {
        taps
    })
}

fn resize_across(pixels: &[u8], row: usize, taps: &Taps) -> Vec<u8> {
    let out_row = taps.outputs() * CHANNELS;
    let mut out = vec![0; pixels.len() / row * out_row];
    let mut bands = Bands::new(row, taps);
    for (rows, out) in pixels
        .chunks(row * ROWS)
        .zip(out.chunks_mut(out_row * ROWS))
    {
        bands.narrow(rows, out);
    }
    out
}

fn resize_down(pixels: &[u8], row: usize, taps: &Taps) -> Vec<u8> {
    let mut out = vec![0; taps.outputs() * row];
    for (output, out) in out.chunks_exact_mut(row).enumerate() {
        blend(&inputs(pixels, row, taps, output), taps, output, out);
    }
    out
}

/// Every output row as soon as the rows it is made of have been narrowed.
fn resize_across_first(pixels: &[u8], row: usize, narrow: &Taps, down: &Taps) -> Vec<u8> {
    let out_row = narrow.outputs() * CHANNELS;
    let mut out = vec![0; down.outputs() * out_row];
    let mut bands = Bands::new(row, narrow);
    // A ring of rows: those of one band, and the older ones that an output still reaches. Bands start
    // at multiples of their height, so none goes around the end.
    let slots = down.widest().next_multiple_of(ROWS) + ROWS;
    let mut ring = vec![0; slots * out_row];
    let mut narrowed = 0;
    let mut rest = out.chunks_exact_mut(out_row).enumerate().peekable();
    for rows in pixels.chunks(row * ROWS) {
        let count = rows.len() / row;
        let slot = narrowed % slots;
        bands.narrow(rows, &mut ring[slot * out_row..][..count * out_row]);
        narrowed += count;
        while let Some((output, out)) =
            rest.next_if(|(output, _)| down.inputs(*output).end <= narrowed)
        {
            let slots = down.inputs(output).map(|row| row % slots);
            let rows: Vec<_> = slots
                .map(|slot| &ring[slot * out_row..][..out_row])
                .collect();
            blend(&rows, down, output, out);
        }
    }
    out
}

/// A band of rows at a time.
fn resize_down_first(pixels: &[u8], row: usize, down: &Taps, narrow: &Taps) -> Vec<u8> {
    let out_row = narrow.outputs() * CHANNELS;
    let mut out = vec![0; down.outputs() * out_row];
    let mut bands = Bands::new(row, narrow);
    let mut band = vec![0; ROWS * row];
    for (index, out) in out.chunks_mut(out_row * ROWS).enumerate() {
        let band = &mut band[..out.len() / out_row * row];
        for (output, blended) in (index * ROWS..).zip(band.chunks_exact_mut(row)) {
            blend(&inputs(pixels, row, down, output), down, output, blended);
        }
        bands.narrow(band, out);
    }
    out
}

/// The rows that make an output.
fn inputs<'a>(pixels: &'a [u8], row: usize, taps: &Taps, output: usize) -> Vec<&'a [u8]> {
    let inputs = taps.inputs(output);
    pixels[inputs.start * row..inputs.end * row]
        .chunks_exact(row)
        .collect()
}

/// The weighted sum of whole rows that makes one output.
fn blend(rows: &[&[u8]], taps: &Taps, output: usize, out: &mut [u8]) {
    let weights: Vec<Pair> = taps.weights(output).chunks(2).map(Pair::new).collect();
    for (index, out) in out.chunks_mut(STRIP).enumerate() {
        let at = index * STRIP;
        let mut sums = [Sums::new(taps.half()); STRIP / 16];
        for (rows, &weights) in rows.chunks(2).zip(&weights) {
            let (first, last) = (rows[0], rows[rows.len() - 1]);
            let (first, last) = (strip(first, at), strip(last, at));
            for (sums, (first, last)) in sums.iter_mut().zip(first.into_iter().zip(last)) {
                let low = u8x16::unpack_low(first, last);
                sums.add(low, u8x16::unpack_high(first, last), weights);
            }
        }
        for (out, sums) in out.chunks_mut(16).zip(sums) {
            out.copy_from_slice(&sums.settled(taps.precision()).to_array()[..out.len()]);
        }
    }
}

/// The bytes of a row from `at` on, or what there is of them.
#[inline(always)]
fn strip(row: &[u8], at: usize) -> [u8x16; STRIP / 16] {
    let bytes = &row[at..];
    cast(bytes.first_chunk::<STRIP>().copied().unwrap_or_else(|| {
        let mut own = [0; STRIP];
        own[..bytes.len()].copy_from_slice(bytes);
        own
    }))
}
