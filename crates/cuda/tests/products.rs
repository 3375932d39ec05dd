//! Products with weights in every form against their plain definition, in shapes that hurt: few and many rows, edges
//! inside tiles and spans, several weights at once, sums in parts. On an emulated device.

use std::sync::Arc;

use cuda::{Cuda, CudaLinear, CudaOptions, Precision};
use cuda_emulator::Emulator;
use formats::Tensor;
use half::bf16;
use ops::Backend;
use ops::backend::{KvShape, LinearWeight, Sensitivity};
use ops::reference::Reference;
use ops::step::{Sequence, TextStep, VisionStep, upload_angles};
use ops::text::{TextAttention, TextMlp, TextScratch, TextWidths};
use ops::vision::{LayerNorm, Merger, VisionAttention, VisionMlp, VisionScratch};

const PRECISIONS: [Precision; 3] = [Precision::Bf16, Precision::Q8, Precision::Q4];
/// Few want large tiles, many want small ones and sums in parts.
const FEW: u32 = 1;
const MANY: u32 = 132;

fn emulated(precision: Precision, multiprocessors: u32) -> Cuda {
    let options = CudaOptions {
        precision,
        memory: 1 << 30,
    };
    let device = Emulator::new(1 << 30).with_multiprocessors(multiprocessors);
    Cuda::new(Arc::new(device), options)
}

/// Values in -1..1 that bfloat16 holds exactly.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let value = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 23) as f32;
        bf16::from_f32(value - 1.0).to_f32()
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn weight_values(seed: u64, outputs: usize, inputs: usize) -> Tensor {
    let scale = 1.5 / (inputs as f32).sqrt();
    let values: Vec<bf16> = noise(seed, outputs * inputs)
        .into_iter()
        .map(|value| bf16::from_f32(value * scale))
        .collect();
    Tensor::from_bf16(&[outputs, inputs], &values)
}

fn take<B: Backend>(
    backend: &B,
    weight: &Tensor,
    bias: Option<&Tensor>,
    sensitivity: Sensitivity,
) -> B::Linear {
    let weight = LinearWeight {
        name: "case",
        weight,
        bias,
        sensitivity,
    };
    backend.linear(&weight).expect("a small weight")
}

fn upload<B: Backend>(backend: &B, rows: usize, columns: usize, values: &[f32]) -> B::Tensor {
    let mut tensor = backend.tensor(rows, columns).expect("a small tensor");
    backend.upload(&mut tensor, values);
    tensor
}

/// The rows of a weight, as the device has them.
fn rows_of(cuda: &Cuda, weight: &CudaLinear, outputs: usize, inputs: usize) -> Vec<f32> {
    let ids: Vec<u32> = (0..outputs as u32).collect();
    let ids = cuda.indices(&ids).expect("few ids");
    let mut rows = cuda.tensor(outputs, inputs).expect("a small tensor");
    cuda.embed(weight, &ids, &mut rows);
    cuda.download(&rows, 0..outputs)
}

/// `x w^T`, summed in float64, and the largest size of a result.
fn by_definition(x: &[f32], w: &[f32], inputs: usize) -> (Vec<f64>, f64) {
    let dot = |(x, w): (&[f32], &[f32])| -> f64 {
        let terms = x.iter().zip(w);
        terms.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
    };
    let all: Vec<f64> = x
        .chunks(inputs)
        .flat_map(|x| w.chunks(inputs).map(move |w| dot((x, w))))
        .collect();
    let size = all.iter().fold(1e-3_f64, |size, v| size.max(v.abs()));
    (all, size)
}

/// One product; and how far it is from its definition, by the size of the results.
fn product(cuda: &Cuda, rows: usize, outputs: usize, inputs: usize) -> (Vec<f32>, f64) {
    let weight = weight_values(3, outputs, inputs);
    let linear = take(cuda, &weight, None, Sensitivity::Ordinary);
    let values = noise(5, rows * inputs);
    let x = upload(cuda, rows, inputs, &values);
    let mut out = cuda.tensor(rows, outputs).expect("a small tensor");
    cuda.matmul(&x, &linear, &mut out);
    let found = cuda.download(&out, 0..rows);
    let w = rows_of(cuda, &linear, outputs, inputs);
    let (expected, size) = by_definition(&values, &w, inputs);
    let off = expected.iter().zip(&found);
    let off = off.fold(0.0_f64, |off, (e, f)| off.max((e - f64::from(*f)).abs()));
    (found, off / size)
}

#[test]
fn few_rows_are_multiplied_as_defined() {
    let shapes = [(40, 72), (17, 33), (9, 300), (100, 1100), (1, 1)];
    for precision in PRECISIONS {
        let cuda = emulated(precision, MANY);
        for (outputs, inputs) in shapes {
            for rows in [1, 2, 3, 7, 8, 9, 15, 16] {
                let (_, off) = product(&cuda, rows, outputs, inputs);
                // Sums in another order: the weights are exactly what `embed` gives.
                assert!(
                    off < 3e-6,
                    "{precision:?}, {rows}x{inputs} to {outputs}: {off:.1e}"
                );
            }
        }
    }
}

#[test]
fn many_rows_are_multiplied_as_defined() {
    for precision in PRECISIONS {
        for multiprocessors in [FEW, MANY] {
            let cuda = emulated(precision, multiprocessors);
            for (rows, outputs, inputs) in [(17, 70, 33), (130, 40, 300), (65, 129, 72)] {
                let (_, off) = product(&cuda, rows, outputs, inputs);
                // Weights of fewer bits become bfloat16 on the way.
                let most = match precision {
                    Precision::Bf16 => 3e-6,
                    _ => 6e-3,
                };
                assert!(
                    off < most,
                    "{precision:?}, {rows}x{inputs} to {outputs}: {off:.1e}"
                );
            }
        }
    }
}

#[test]
fn sums_in_parts_are_the_same_every_time_and_leave_their_counters_clear() {
    for precision in PRECISIONS {
        let cuda = emulated(precision, MANY);
        let (first, off) = product(&cuda, 20, 40, 2100);
        assert!(off < 6e-3, "{precision:?}: {off:.1e}");
        let (whole, _) = product(&emulated(precision, FEW), 20, 40, 2100);
        assert_ne!(first, whole, "{precision:?}: it was not summed in parts");
        for _ in 0..2 {
            assert_eq!(product(&cuda, 20, 40, 2100).0, first, "{precision:?}");
        }
    }
}

#[test]
fn rows_of_a_weight_are_what_its_bits_stand_for() {
    let (outputs, inputs) = (5, 600);
    let weight = weight_values(9, outputs, inputs);
    let values = weight.to_f32();
    let padded = |row: usize| {
        let mut padded = [0.0; 768];
        padded[..inputs].copy_from_slice(&values[row * inputs..][..inputs]);
        padded
    };
    for precision in PRECISIONS {
        let cuda = emulated(precision, MANY);
        let linear = take(&cuda, &weight, None, Sensitivity::Ordinary);
        let found = rows_of(&cuda, &linear, outputs, inputs);
        let expected = |row: usize| -> Vec<f32> {
            let row = padded(row);
            match precision {
                Precision::Q8 => {
                    let groups = row.as_chunks().0.iter().map(quant::eight);
                    let values = groups.flat_map(|(scale, bytes)| {
                        let scale = scale.to_f32() * quant::UNIT;
                        bytes.map(|byte| (f32::from(byte) - 128.0) * scale)
                    });
                    values.collect()
                }
                Precision::Q4 => {
                    let blocks = row.as_chunks().0.iter().map(quant::four);
                    let values = blocks.flat_map(|block| {
                        let unit = block.unit.to_f32() * quant::UNIT;
                        let least_unit = block.least_unit.to_f32() * quant::UNIT;
                        let group = |group: usize| {
                            let scale = f32::from(block.scales[group]) * unit;
                            let least = f32::from(block.leasts[group]) * least_unit;
                            block.steps[group].map(|step| f32::from(step) * scale - least)
                        };
                        (0..8).flat_map(group).collect::<Vec<f32>>()
                    });
                    values.collect()
                }
                _ => row.to_vec(),
            }
        };
        for row in 0..outputs {
            let (found, expected) = (&found[row * inputs..][..inputs], &expected(row)[..inputs]);
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert!(
                    (found - expected).abs() <= 1e-6,
                    "{precision:?}, row {row}, {index}: {found}, not {expected}"
                );
            }
        }
    }
}

/// The same blocks on the device and on the reference, whose weights are what the device makes of them. So what
/// fewer bits cost is no part of the difference.
struct Twins<'a> {
    cuda: &'a Cuda,
    differences: Vec<String>,
}

/// A weight on both.
type Twin<B> = <B as Backend>::Linear;

impl Twins<'_> {
    fn linear(
        &self,
        seed: u64,
        outputs: usize,
        inputs: usize,
        bias: bool,
        sensitivity: Sensitivity,
    ) -> (Twin<Cuda>, Twin<Reference>) {
        let weight = weight_values(seed, outputs, inputs);
        let bias = bias.then(|| Tensor::from_f32(&[outputs], &noise(seed + 100, outputs)));
        let own = take(self.cuda, &weight, bias.as_ref(), sensitivity);
        let rows = rows_of(self.cuda, &own, outputs, inputs);
        let rows = Tensor::from_f32(&[outputs, inputs], &rows);
        (own, take(&Reference, &rows, bias.as_ref(), sensitivity))
    }

    fn compare(&mut self, name: String, found: &[f32], expected: &[f32]) {
        let norm = |values: &mut dyn Iterator<Item = f32>| {
            values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
        };
        let off = norm(&mut found.iter().zip(expected).map(|(f, e)| f - e));
        let off = off / norm(&mut expected.iter().copied());
        if off.is_nan() || off > 1e-2 {
            self.differences.push(format!("{name}: {off:.1e}"));
        }
    }
}

fn ones<B: Backend>(backend: &B, count: usize) -> B::Parameter {
    let ones = Tensor::from_f32(&[count], &vec![1.0; count]);
    backend.parameter(&ones).expect("a small parameter")
}

fn norm<B: Backend>(backend: &B, count: usize) -> LayerNorm<B> {
    LayerNorm {
        weight: ones(backend, count),
        bias: ones(backend, count),
    }
}

const EPS: f32 = 1e-6;
const HIDDEN: usize = 72;
const INNER: usize = 104;
const WIDTHS: TextWidths = TextWidths {
    hidden: HIDDEN,
    query: 64,
    key: 32,
    intermediate: INNER,
};

fn run_text<B: Backend>(
    backend: &B,
    [query, key, value, output, gate, up, down]: [B::Linear; 7],
    rows: usize,
) -> Vec<f32> {
    let attention = TextAttention {
        norm: ones(backend, HIDDEN),
        query,
        key,
        value,
        query_norm: ones(backend, 16),
        key_norm: ones(backend, 16),
        output,
        eps: EPS,
    };
    let mlp = TextMlp {
        norm: ones(backend, HIDDEN),
        gate,
        up,
        down,
        eps: EPS,
    };
    let shape = KvShape {
        layers: 1,
        kv_heads: 2,
        head_dim: 16,
        pages: 8,
        page_tokens: 16,
    };
    let sequence = Sequence {
        rows: 0..rows,
        context: 0,
        pages: (0..8).collect(),
    };
    let slots: Vec<u32> = (0..rows as u32).collect();
    let angles = vec![0.6; rows * 8];
    let (cos, sin) = upload_angles(backend, 8, &angles, &angles).expect("few angles");
    let step = TextStep {
        rows,
        cos,
        sin,
        ids: backend.indices(&slots).expect("few ids"),
        slots: backend.indices(&slots).expect("few slots"),
        sequences: backend.sequences(&[sequence]).expect("one sequence"),
    };
    let mut cache = backend.kv_cache(shape).expect("a small cache");
    let mut scratch = TextScratch::new(backend, rows, WIDTHS).expect("a small scratch");
    let mut stream = upload(backend, rows, HIDDEN, &noise(1, rows * HIDDEN));
    backend.text_attention(&attention, 0, &step, &mut cache, &mut scratch, &mut stream);
    backend.text_mlp(&mlp, &mut scratch, &mut stream);
    backend.download(&stream, 0..rows)
}

fn run_vision<B: Backend>(
    backend: &B,
    [query, key, value, output, up, down, wide, narrow]: [B::Linear; 8],
    rows: usize,
) -> Vec<f32> {
    let attention = VisionAttention {
        norm: norm(backend, HIDDEN),
        query,
        key,
        value,
        output,
        heads: 3,
    };
    let mlp = VisionMlp {
        norm: norm(backend, HIDDEN),
        up,
        down,
    };
    let merger = Merger {
        norm: norm(backend, HIDDEN),
        norm_after_fold: false,
        up: wide,
        down: narrow,
        fold: 4,
    };
    let angles = vec![0.6; rows * 12];
    let (cos, sin) = upload_angles(backend, 12, &angles, &angles).expect("few angles");
    let places = vec![0; rows * 4];
    let step = VisionStep {
        rows,
        cos,
        sin,
        spans: backend.indices(&[0, rows as u32]).expect("one span"),
        position_indices: backend.indices(&places).expect("few places"),
        position_weights: backend.tensor(rows, 4).expect("few weights"),
    };
    let mut scratch = VisionScratch::new(backend, rows, HIDDEN, INNER).expect("a small scratch");
    let mut stream = upload(backend, rows, HIDDEN, &noise(1, rows * HIDDEN));
    backend.vision_attention(&attention, &step, &mut scratch, &mut stream);
    backend.vision_mlp(&mlp, &mut scratch, &mut stream);
    let mut out = backend.tensor(rows / 4, 40).expect("a small tensor");
    backend.merge(&merger, &stream, &mut scratch, &mut out);
    let mut all = backend.download(&stream, 0..rows);
    all.extend(backend.download(&out, 0..rows / 4));
    all
}

fn both<const COUNT: usize>(
    twins: [(CudaLinear, Twin<Reference>); COUNT],
) -> ([CudaLinear; COUNT], [Twin<Reference>; COUNT]) {
    let (own, reference): (Vec<_>, Vec<_>) = twins.into_iter().unzip();
    let own = own.try_into().ok().expect("as many");
    (own, reference.try_into().expect("as many"))
}

#[test]
fn whole_blocks_with_values_in_more_bits_agree_with_the_definition() {
    let mut differences = Vec::new();
    for precision in PRECISIONS {
        for (rows, multiprocessors) in [(1, MANY), (8, MANY), (12, MANY), (68, MANY), (68, FEW)] {
            let cuda = emulated(precision, multiprocessors);
            let mut twins = Twins {
                cuda: &cuda,
                differences: Vec::new(),
            };
            let ordinary = Sensitivity::Ordinary;
            let (own, reference) = both([
                twins.linear(11, 64, HIDDEN, false, ordinary),
                twins.linear(12, 32, HIDDEN, false, ordinary),
                twins.linear(13, 32, HIDDEN, false, Sensitivity::High),
                twins.linear(14, HIDDEN, 64, false, ordinary),
                twins.linear(15, INNER, HIDDEN, false, ordinary),
                twins.linear(16, INNER, HIDDEN, false, ordinary),
                twins.linear(17, HIDDEN, INNER, false, Sensitivity::High),
            ]);
            let found = run_text(&cuda, own, rows);
            let expected = run_text(&Reference, reference, rows);
            twins.compare(
                format!("text, {precision:?}, {rows} rows"),
                &found,
                &expected,
            );
            if rows % 4 == 0 {
                let vision = Sensitivity::Vision;
                let (own, reference) = both([
                    twins.linear(21, HIDDEN, HIDDEN, true, vision),
                    twins.linear(22, HIDDEN, HIDDEN, true, vision),
                    twins.linear(23, HIDDEN, HIDDEN, true, vision),
                    twins.linear(24, HIDDEN, HIDDEN, true, vision),
                    twins.linear(25, INNER, HIDDEN, true, ordinary),
                    twins.linear(26, HIDDEN, INNER, true, ordinary),
                    twins.linear(27, 4 * HIDDEN, 4 * HIDDEN, true, vision),
                    twins.linear(28, 40, 4 * HIDDEN, true, ordinary),
                ]);
                let found = run_vision(&cuda, own, rows);
                let expected = run_vision(&Reference, reference, rows);
                twins.compare(
                    format!("vision, {precision:?}, {rows} rows"),
                    &found,
                    &expected,
                );
            }
            differences.extend(twins.differences);
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}
