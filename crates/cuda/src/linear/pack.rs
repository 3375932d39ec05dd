//! From `[outputs, inputs]` of a checkpoint to spans in a device's memory, some rows at a time, on all the host's threads.

use ::half::bf16;
use formats::{Dtype, Tensor};
use ops::backend::BackendError;
use quant::{GROUP, Q4_BLOCK, Q4_GROUP};

use super::weight::{Form, SPAN};
use crate::backend::Cuda;
use crate::memory::Buffer;

/// Bytes of values that are packed before they are sent.
const PIECE_BYTES: usize = 32 << 20;

/// Rows of a checkpoint's weight, as stored.
enum Source<'a> {
    Bf16(&'a [bf16]),
    F32(&'a [f32]),
    Widened(Vec<f32>),
}

impl<'a> Source<'a> {
    fn of(weight: &'a Tensor) -> Self {
        match weight.dtype() {
            Dtype::Bf16 => weight.as_bf16().map(Self::Bf16),
            Dtype::F32 => weight.as_f32().map(Self::F32),
            _ => None,
        }
        .unwrap_or_else(|| Self::Widened(weight.to_f32()))
    }

    #[inline(always)]
    fn row(&self, index: usize, to: &mut [f32]) {
        let at = index * to.len()..(index + 1) * to.len();
        match self {
            Self::Bf16(values) => to
                .iter_mut()
                .zip(&values[at])
                .for_each(|(to, value)| *to = f32::from_bits(u32::from(value.to_bits()) << 16)),
            Self::F32(values) => to.copy_from_slice(&values[at]),
            Self::Widened(values) => to.copy_from_slice(&values[at]),
        }
    }
}

/// A weight in the device's memory.
pub(super) struct Packed {
    pub(super) values: Buffer,
    pub(super) scales: Option<Buffer>,
    pub(super) units: Option<Buffer>,
}

/// Some rows of a weight, packed.
struct Rows<'a> {
    values: &'a mut [u8],
    scales: &'a mut [u16],
    units: &'a mut [u32],
}

/// Takes memory for a weight and fills it.
pub(super) fn pack(
    cuda: &Cuda,
    weight: &Tensor,
    form: Form,
    outputs: usize,
    inputs: usize,
) -> Result<Packed, BackendError> {
    // As the checkpoint has it.
    if form == Form::Bf16 && weight.dtype() == Dtype::Bf16 && form.depth(inputs) == inputs {
        return Ok(Packed {
            values: cuda.kept(weight.bytes(), "weights")?,
            scales: None,
            units: None,
        });
    }
    let row_bytes = form.spans(inputs) * SPAN;
    let (scales, units) = form.scales(inputs);
    let room = |per_row: usize, size: usize| {
        let bytes = Cuda::bytes_of(&[outputs, per_row], size);
        cuda.room_to_keep(bytes, "weights")
    };
    let packed = Packed {
        values: room(row_bytes, 1)?,
        scales: (scales > 0).then(|| room(scales, 2)).transpose()?,
        units: (units > 0).then(|| room(units, 4)).transpose()?,
    };
    if outputs == 0 || inputs == 0 {
        return Ok(packed);
    }
    let source = Source::of(weight);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let per_thread = (PIECE_BYTES / row_bytes / threads)
        .max(1)
        .min(outputs.div_ceil(threads));
    let most = per_thread * threads;
    let mut values = vec![0_u8; most * row_bytes];
    let mut scale_words = vec![0_u16; most * scales];
    let mut unit_words = vec![0_u32; most * units];
    for first in (0..outputs).step_by(most) {
        let count = most.min(outputs - first);
        std::thread::scope(|scope| {
            let mut rest = Rows {
                values: &mut values,
                scales: &mut scale_words,
                units: &mut unit_words,
            };
            for begin in (0..count).step_by(per_thread) {
                let rows = per_thread.min(count - begin);
                let mut part = rest.take(rows * row_bytes, rows * scales, rows * units);
                let source = &source;
                scope.spawn(move || fill(form, source, first + begin, rows, inputs, &mut part));
            }
        });
        send(&packed.values, first, &values[..count * row_bytes], count);
        if let Some(buffer) = &packed.scales {
            let words = &scale_words[..count * scales];
            send(buffer, first, bytemuck::cast_slice(words), count);
        }
        if let Some(buffer) = &packed.units {
            let words = &unit_words[..count * units];
            send(buffer, first, bytemuck::cast_slice(words), count);
        }
    }
    Ok(packed)
}

/// `count` rows to their place, which begins at row `first`.
fn send(buffer: &Buffer, first: usize, bytes: &[u8], count: usize) {
    buffer.write((first * (bytes.len() / count)) as u64, bytes);
}

impl<'a> Rows<'a> {
    /// The first of each, which are the rest's no more.
    fn take(&mut self, values: usize, scales: usize, units: usize) -> Rows<'a> {
        fn first<'a, T>(of: &mut &'a mut [T], count: usize) -> &'a mut [T] {
            let (first, rest) = std::mem::take(of).split_at_mut(count);
            *of = rest;
            first
        }
        Rows {
            values: first(&mut self.values, values),
            scales: first(&mut self.scales, scales),
            units: first(&mut self.units, units),
        }
    }
}

/// Packs `count` rows from `from` on, with the widest vectors that all processors of the last ten years have.
fn fill(
    form: Form,
    source: &Source<'_>,
    from: usize,
    count: usize,
    inputs: usize,
    to: &mut Rows<'_>,
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2(
            form: Form,
            source: &Source<'_>,
            from: usize,
            count: usize,
            inputs: usize,
            to: &mut Rows<'_>,
        ) {
            fill_plainly(form, source, from, count, inputs, to);
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been asked.
            return unsafe { with_avx2(form, source, from, count, inputs, to) };
        }
    }
    fill_plainly(form, source, from, count, inputs, to);
}

#[inline(always)]
fn fill_plainly(
    form: Form,
    source: &Source<'_>,
    from: usize,
    count: usize,
    inputs: usize,
    to: &mut Rows<'_>,
) {
    let row_bytes = form.spans(inputs) * SPAN;
    let (scales, units) = form.scales(inputs);
    let mut row = vec![0.0; form.depth(inputs)];
    for index in 0..count {
        source.row(from + index, &mut row[..inputs]);
        let values = &mut to.values[index * row_bytes..][..row_bytes];
        let scales = &mut to.scales[index * scales..][..scales];
        let units = &mut to.units[index * units..][..units];
        match form {
            Form::Bf16 => {
                for (to, value) in values.as_chunks_mut::<2>().0.iter_mut().zip(&row) {
                    *to = bf16::from_f32(*value).to_le_bytes();
                }
            }
            Form::Q8 => eight(&row, values, scales),
            Form::Q4 => four(&row, values, scales, units),
        }
    }
}

/// A group of 128 is two spans of two steps.
#[inline(always)]
fn eight(row: &[f32], values: &mut [u8], scales: &mut [u16]) {
    let spans = values.as_chunks_mut::<{ 2 * SPAN }>().0;
    for ((group, to), scale) in row.as_chunks::<GROUP>().0.iter().zip(spans).zip(scales) {
        let (stored, bytes) = quant::eight(group);
        *scale = stored.to_bits();
        for (eighth, bytes) in bytes.as_chunks::<8>().0.iter().enumerate() {
            let (span, step, quarter) = (eighth / 8, eighth / 4 % 2, eighth % 4);
            let to = &mut to[span * SPAN + quarter * 16 + step * 8..][..8];
            // With sign instead of 128 too many.
            to.copy_from_slice(&bytes.map(|byte| byte ^ 0x80));
        }
    }
}

/// A block of 256 is two spans of four steps; a step is a group.
#[inline(always)]
fn four(row: &[f32], values: &mut [u8], scales: &mut [u16], units: &mut [u32]) {
    let spans = values.as_chunks_mut::<{ 2 * SPAN }>().0;
    let scales = scales.as_chunks_mut::<{ Q4_BLOCK / Q4_GROUP }>().0;
    let blocks = row.as_chunks::<Q4_BLOCK>().0.iter();
    for (((block, to), scales), unit) in blocks.zip(spans).zip(scales).zip(units) {
        let four = quant::four(block);
        *unit = u32::from(four.unit.to_bits()) | u32::from(four.least_unit.to_bits()) << 16;
        for (group, steps) in four.steps.iter().enumerate() {
            let (scale, least) = (four.scales[group], four.leasts[group]);
            scales[group] = u16::from_le_bytes([scale, least]);
            for (quarter, eight) in steps.as_chunks::<8>().0.iter().enumerate() {
                let at = group / 4 * SPAN + quarter * 16 + group % 4 * 4;
                // Halves 0 to 3 are the even values, 4 to 7 the odd ones.
                let word = [0, 4, 1, 5].map(|i| eight[i] | eight[i + 2] << 4);
                to[at] = word[0];
                to[at + 1] = word[1];
                to[at + 2] = word[2];
                to[at + 3] = word[3];
            }
        }
    }
}
