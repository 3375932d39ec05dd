//! One list of op cases, run on every backend and compared with the reference.
//!
//! Shapes are chosen to hurt: odd widths, single rows, more rows than a tile, head sizes that fill no
//! vector, sequences that start in the middle of a page, pictures beside each other.

use formats::Tensor;
use half::bf16;

use crate::backend::{Backend, Gelu, KvShape, LinearWeight, Sensitivity};
use crate::reference::Reference;
use crate::step::{Sequence, TextStep, VisionStep, upload_angles};
use crate::text::{TextAttention, TextMlp, TextScratch, TextWidths};
use crate::vision::{LayerNorm, Merger, VisionAttention, VisionMlp, VisionScratch};

/// How far a case may be from the reference, relative to the size of its values.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// Largest difference, divided by the largest reference value.
    pub largest: f32,
    /// Root mean square of the differences, divided by that of the reference values.
    pub rms: f32,
}

/// Float32 sums in another order.
pub const F32: Tolerance = Tolerance {
    largest: 5e-6,
    rms: 2e-6,
};
/// Activations rounded to bfloat16 where they meet a weight.
pub const BF16: Tolerance = Tolerance {
    largest: 3e-2,
    rms: 1e-2,
};

/// Weights and activations in 8 bits, keys and values in bfloat16.
pub const Q8: Tolerance = Tolerance {
    largest: 3e-2,
    rms: 1.5e-2,
};
/// Weights in 4 bits. Noise is spread evenly, which is the hardest case: no weight is small.
pub const Q4: Tolerance = Tolerance {
    largest: 1.5e-1,
    rms: 1.2e-1,
};

/// What one case gave.
pub struct Outcome {
    /// Which case.
    pub name: String,
    /// Its values.
    pub values: Vec<f32>,
}

/// Runs every case on the backend and on the reference; returns a line per case that is too far off.
pub fn differences<B: Backend>(backend: &B, tolerance: Tolerance) -> Vec<String> {
    let expected = run(&Reference);
    let found = run(backend);
    assert_eq!(expected.len(), found.len(), "every backend runs every case");
    expected
        .iter()
        .zip(&found)
        .filter_map(|(expected, found)| difference(expected, found, tolerance))
        .collect()
}

fn difference(expected: &Outcome, found: &Outcome, tolerance: Tolerance) -> Option<String> {
    assert_eq!(
        (&expected.name, expected.values.len()),
        (&found.name, found.values.len())
    );
    let pairs = || expected.values.iter().zip(&found.values);
    let norm = |values: &mut dyn Iterator<Item = f32>| {
        values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
    };
    let size = expected
        .values
        .iter()
        .fold(0.0_f32, |size, v| size.max(v.abs()))
        .max(1e-6);
    let largest = pairs().map(|(e, f)| (e - f).abs()).fold(0.0, f32::max) / size;
    let total = norm(&mut expected.values.iter().copied()).max(1e-6);
    let rms = (norm(&mut pairs().map(|(e, f)| e - f)) / total) as f32;
    let finite = found.values.iter().all(|value| value.is_finite());
    let fine = finite && largest <= tolerance.largest && rms <= tolerance.rms;
    (!fine).then(|| format!("{}: largest {largest:.2e}, rms {rms:.2e}", expected.name))
}

/// Every case on one backend.
pub fn run<B: Backend>(backend: &B) -> Vec<Outcome> {
    let mut cases = Cases {
        backend,
        outcomes: Vec::new(),
    };
    cases.products();
    cases.elementwise();
    cases.rows();
    cases.likeliest();
    cases.span_attention();
    cases.cached_attention();
    cases.text_blocks();
    cases.vision_blocks();
    cases.mlps();
    cases.outcomes
}

/// Values in -1..1 that depend on the seed alone.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// A bfloat16 tensor of noise, scaled so that products keep their size.
fn weight(seed: u64, shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    let scale = 1.5 / (*shape.last().expect("a shape") as f32).sqrt();
    let values: Vec<bf16> = noise(seed, count)
        .into_iter()
        .map(|value| bf16::from_f32(value * scale))
        .collect();
    Tensor::from_bf16(shape, &values)
}

fn around_one(seed: u64, count: usize) -> Tensor {
    let values: Vec<f32> = noise(seed, count)
        .into_iter()
        .map(|value| 1.0 + value / 4.0)
        .collect();
    Tensor::from_f32(&[count], &values)
}

struct Cases<'a, B: Backend> {
    backend: &'a B,
    outcomes: Vec<Outcome>,
}

impl<B: Backend> Cases<'_, B> {
    fn keep(&mut self, name: impl Into<String>, tensor: &B::Tensor) {
        let (rows, _) = self.backend.dimensions(tensor);
        let values = self.backend.download(tensor, 0..rows);
        self.outcomes.push(Outcome {
            name: name.into(),
            values,
        });
    }

    fn zeros(&self, rows: usize, columns: usize) -> B::Tensor {
        self.backend.tensor(rows, columns).expect("a small tensor")
    }

    fn noise(&self, seed: u64, rows: usize, columns: usize) -> B::Tensor {
        let mut tensor = self.zeros(rows, columns);
        self.backend
            .upload(&mut tensor, &noise(seed, rows * columns));
        tensor
    }

    fn linear(&self, seed: u64, outputs: usize, inputs: usize, bias: bool) -> B::Linear {
        let bias = bias.then(|| Tensor::from_f32(&[outputs], &noise(seed + 1000, outputs)));
        self.weight(&weight(seed, &[outputs, inputs]), bias.as_ref())
    }

    fn weight(&self, weight: &Tensor, bias: Option<&Tensor>) -> B::Linear {
        let weight = LinearWeight {
            name: "case",
            weight,
            bias,
            sensitivity: Sensitivity::Ordinary,
        };
        self.backend.linear(&weight).expect("a small weight")
    }

    fn parameter(&self, seed: u64, count: usize) -> B::Parameter {
        self.backend
            .parameter(&around_one(seed, count))
            .expect("a small parameter")
    }

    fn indices(&self, values: &[u32]) -> B::Indices {
        self.backend.indices(values).expect("few indices")
    }

    fn angles(&self, rows: usize, half: usize) -> (B::Tensor, B::Tensor) {
        let angles: Vec<f32> = noise(77, rows * half)
            .into_iter()
            .map(|value| value * 3.0)
            .collect();
        let cos: Vec<f32> = angles.iter().map(|angle| angle.cos()).collect();
        let sin: Vec<f32> = angles.iter().map(|angle| angle.sin()).collect();
        upload_angles(self.backend, half, &cos, &sin).expect("few angles")
    }

    fn products(&mut self) {
        let shapes = [
            (1, 64, 96),
            (1, 7, 5),
            (3, 33, 17),
            (4, 130, 64),
            (5, 1, 256),
            (9, 48, 72),
            (67, 100, 1031),
            (70, 13, 2100),
            (130, 97, 40),
        ];
        for (rows, outputs, inputs) in shapes {
            let x = self.noise(1, rows, inputs);
            for bias in [false, true] {
                let weight = self.linear(2, outputs, inputs, bias);
                let mut out = self.zeros(rows, outputs);
                self.backend.matmul(&x, &weight, &mut out);
                self.keep(
                    format!("matmul {rows}x{inputs} to {outputs}, bias {bias}"),
                    &out,
                );
            }
            let wide = Tensor::from_f32(&[outputs, inputs], &noise(3, outputs * inputs));
            let wide = self.weight(&wide, None);
            let mut out = self.zeros(rows, outputs);
            self.backend.matmul(&x, &wide, &mut out);
            self.keep(
                format!("matmul {rows}x{inputs} to {outputs}, float32 weight"),
                &out,
            );
        }
    }

    fn elementwise(&mut self) {
        for (rows, columns) in [(1, 8), (3, 72), (5, 101), (40, 640)] {
            let name = format!("{rows}x{columns}");
            let x = self.noise(4, rows, columns);
            let (gain, shift) = (self.parameter(5, columns), self.parameter(6, columns));
            let mut out = self.zeros(rows, columns);
            self.backend.rms_norm(&x, &gain, 1e-6, &mut out);
            self.keep(format!("rms_norm {name}"), &out);
            self.backend.layer_norm(&x, &gain, &shift, 1e-6, &mut out);
            self.keep(format!("layer_norm {name}"), &out);
            self.backend.copy(&x, &mut out);
            self.backend.add(&mut out, &x);
            self.keep(format!("copy and add {name}"), &out);
            for kind in [Gelu::Tanh, Gelu::Erf] {
                let mut wide = self.zeros(rows, columns);
                let values: Vec<f32> = noise(8, rows * columns)
                    .into_iter()
                    .map(|value| value * 6.0)
                    .collect();
                self.backend.upload(&mut wide, &values);
                self.backend.gelu(&mut wide, kind);
                self.keep(format!("gelu {kind:?} {name}"), &wide);
            }
            let mut gate = self.noise(9, rows, columns);
            self.backend.silu_mul(&mut gate, &x);
            self.keep(format!("silu_mul {name}"), &gate);
        }
        for (rows, heads, head_dim) in [(1, 1, 8), (6, 3, 24), (7, 5, 72), (33, 4, 128)] {
            let mut x = self.noise(10, rows, heads * head_dim);
            let gain = self.parameter(11, head_dim);
            self.backend.rms_norm_heads(&mut x, &gain, 1e-6);
            self.keep(format!("rms_norm_heads {rows}x{heads}x{head_dim}"), &x);
            let (cos, sin) = self.angles(rows, head_dim / 2);
            self.backend.rotate(&mut x, &cos, &sin);
            self.keep(format!("rotate {rows}x{heads}x{head_dim}"), &x);
        }
    }

    fn rows(&mut self) {
        let table = self.linear(12, 50, 24, false);
        let mut out = self.zeros(4, 24);
        self.backend
            .embed(&table, &self.indices(&[0, 49, 7, 7]), &mut out);
        self.keep("embed", &out);
        let x = self.noise(13, 6, 24);
        let (to, from) = (self.indices(&[3, 0]), self.indices(&[5, 1]));
        self.backend.put_rows(&mut out, &to, &x, &from);
        self.keep("put_rows", &out);
        self.backend.add_rows(&mut out, &to, &x, &from);
        self.keep("add_rows", &out);
        let mut picked = self.zeros(3, 24);
        self.backend
            .gather_rows(&x, &self.indices(&[5, 0, 2]), &mut picked);
        self.keep("gather_rows", &picked);
        let table = Tensor::from_f32(&[9, 24], &noise(14, 9 * 24));
        let table = self.backend.parameter(&table).expect("a small table");
        let places = self.indices(&[0, 1, 3, 4, 8, 8, 8, 8, 2, 5, 2, 5]);
        let weights = self.noise(15, 3, 4);
        self.backend
            .add_interpolated(&mut picked, &table, &places, &weights);
        self.keep("add_interpolated", &picked);
        self.backend.shape(&mut picked, 1, 72);
        self.keep("fold three rows into one", &picked);
    }

    /// Vocabularies smaller than what is kept, of one block, of several with a nearly empty last one; many equal
    /// logits; logits so large that exponentials of them are not.
    fn likeliest(&mut self) {
        for (rows, vocabulary, steps, size) in [
            (2, 40, 1e4, 5.0),
            (3, 500, 1e4, 30.0),
            (1, 4103, 8.0, 1e4),
            (2, 9000, 1e6, 12.0),
        ] {
            let mut logits = self.zeros(rows, vocabulary);
            let values: Vec<f32> = noise(90, rows * vocabulary)
                .into_iter()
                .map(|value| (value * steps).round() / steps * size)
                .collect();
            self.backend.upload(&mut logits, &values);
            let columns = crate::likeliest::columns(vocabulary);
            let mut out = self.zeros(rows, columns);
            self.backend.likeliest(&logits, &mut out);
            let found = self.backend.download(&out, 0..rows);
            let kept = crate::likeliest::kept(vocabulary);
            for (what, part) in [
                ("logits", 0..kept),
                ("ids", kept..2 * kept),
                ("sums", 2 * kept..columns),
            ] {
                let rows = found.chunks_exact(columns);
                self.outcomes.push(Outcome {
                    name: format!("likeliest of {vocabulary}: {what}"),
                    values: rows.flat_map(|row| row[part.clone()].to_vec()).collect(),
                });
            }
        }
    }

    fn span_attention(&mut self) {
        for (heads, head_dim) in [(1, 8), (3, 24), (2, 64), (2, 72)] {
            for spans in [&[0, 1][..], &[0, 5, 6, 16], &[0, 140, 333]] {
                let rows = *spans.last().expect("an end") as usize;
                let width = heads * head_dim;
                let [q, k, v] = [16, 17, 18].map(|seed| self.noise(seed, rows, width));
                let mut out = self.zeros(rows, width);
                let at = self.indices(spans);
                self.backend.attend_spans(&q, &k, &v, heads, &at, &mut out);
                self.keep(format!("attend_spans {heads}x{head_dim} {spans:?}"), &out);
            }
        }
    }

    /// Two conversations: one goes on in the middle of a page, one starts; pages lie scattered.
    fn cached_attention(&mut self) {
        for (heads, kv_heads, head_dim, page_tokens) in
            [(4, 2, 32, 4), (6, 2, 128, 16), (8, 1, 64, 64)]
        {
            let shape = KvShape {
                layers: 2,
                kv_heads,
                head_dim,
                pages: 24,
                page_tokens,
            };
            let mut cache = self.backend.kv_cache(shape).expect("a small cache");
            let pages: [Vec<u32>; 2] = [vec![5, 2, 9, 0, 11, 13], vec![7, 3, 1, 20, 21]];
            let sequence = |rows: std::ops::Range<usize>, context, which: usize| Sequence {
                rows,
                context,
                pages: pages[which].clone(),
            };
            let first = page_tokens + page_tokens / 2;
            let steps = [
                vec![sequence(0..first, 0, 0)],
                vec![
                    sequence(0..3, first, 0),
                    sequence(3..3 + 2 * page_tokens, 0, 1),
                ],
                vec![
                    sequence(0..1, first + 3, 0),
                    sequence(1..2, 2 * page_tokens, 1),
                ],
            ];
            for (number, sequences) in steps.iter().enumerate() {
                let rows = sequences.last().expect("a sequence").rows.end;
                let slots: Vec<u32> = sequences
                    .iter()
                    .flat_map(|s| (0..s.rows.len()).map(|row| s.slot(s.context + row, page_tokens)))
                    .map(|slot| slot.expect("a page for every row"))
                    .collect();
                let (slots, on_device) = (
                    self.indices(&slots),
                    self.backend.sequences(sequences).expect("few sequences"),
                );
                let query = self.noise(20 + number as u64, rows, heads * head_dim);
                let mut out = self.zeros(rows, heads * head_dim);
                for layer in 0..2 {
                    let seed = (30 + number * 10 + layer) as u64;
                    let key = self.noise(seed, rows, kv_heads * head_dim);
                    let value = self.noise(seed + 5, rows, kv_heads * head_dim);
                    self.backend
                        .kv_write(&mut cache, layer, &key, &value, &slots);
                }
                for layer in 0..2 {
                    self.backend
                        .attend_cached(&query, &cache, layer, &on_device, &mut out);
                    self.keep(
                        format!("attend_cached {heads}/{kv_heads}x{head_dim}, step {number}, layer {layer}"),
                        &out,
                    );
                }
            }
        }
    }

    fn text_blocks(&mut self) {
        let widths = TextWidths {
            hidden: 80,
            query: 96,
            key: 48,
            intermediate: 136,
        };
        let (head_dim, rows, page_tokens) = (24, 21, 8);
        let eps = 1e-6;
        let attention = TextAttention {
            norm: self.parameter(40, widths.hidden),
            query: self.linear(41, widths.query, widths.hidden, false),
            key: self.linear(42, widths.key, widths.hidden, false),
            value: self.linear(43, widths.key, widths.hidden, false),
            query_norm: self.parameter(44, head_dim),
            key_norm: self.parameter(45, head_dim),
            output: self.linear(46, widths.hidden, widths.query, false),
            eps,
        };
        let mlp = TextMlp {
            norm: self.parameter(47, widths.hidden),
            gate: self.linear(48, widths.intermediate, widths.hidden, false),
            up: self.linear(49, widths.intermediate, widths.hidden, false),
            down: self.linear(50, widths.hidden, widths.intermediate, false),
            eps,
        };
        let backend = self.backend;
        let shape = KvShape {
            layers: 1,
            kv_heads: 2,
            head_dim,
            pages: 6,
            page_tokens,
        };
        let mut cache = backend.kv_cache(shape).expect("a small cache");
        let mut scratch = TextScratch::new(backend, rows, widths).expect("a small scratch");
        let mut stream = self.noise(51, rows, widths.hidden);
        for (context, rows) in [(0, rows), (rows, 1), (rows + 1, 4)] {
            backend.shape(&mut stream, rows, widths.hidden);
            let sequences = [Sequence {
                rows: 0..rows,
                context,
                pages: vec![3, 1, 4, 5],
            }];
            let slot = |row| {
                sequences[0]
                    .slot(context + row, page_tokens)
                    .expect("a page")
            };
            let slots: Vec<u32> = (0..rows).map(slot).collect();
            let (cos, sin) = self.angles(rows, head_dim / 2);
            let step = TextStep {
                rows,
                ids: self.indices(&vec![0; rows]),
                cos,
                sin,
                slots: self.indices(&slots),
                sequences: backend.sequences(&sequences).expect("one sequence"),
            };
            backend.text_attention(&attention, 0, &step, &mut cache, &mut scratch, &mut stream);
            self.keep(
                format!("text_attention, {rows} rows after {context}"),
                &stream,
            );
            backend.text_mlp(&mlp, &mut scratch, &mut stream);
            self.keep(format!("text_mlp, {rows} rows"), &stream);
        }
    }

    /// Widths that end inside a vector; one long row; many short ones.
    fn mlps(&mut self) {
        let backend = self.backend;
        for (rows, hidden, intermediate) in [(1, 2600, 16), (70, 90, 44), (65, 27, 13)] {
            let text = TextMlp {
                norm: self.parameter(80, hidden),
                gate: self.linear(81, intermediate, hidden, false),
                up: self.linear(82, intermediate, hidden, false),
                down: self.linear(83, hidden, intermediate, false),
                eps: 1e-6,
            };
            let vision = VisionMlp {
                norm: LayerNorm {
                    weight: self.parameter(84, hidden),
                    bias: self.parameter(85, hidden),
                },
                up: self.linear(86, intermediate, hidden, true),
                down: self.linear(87, hidden, intermediate, true),
            };
            let widths = TextWidths {
                hidden,
                query: 8,
                key: 8,
                intermediate,
            };
            let mut scratch = TextScratch::new(backend, rows, widths).expect("a small scratch");
            let mut stream = self.noise(88, rows, hidden);
            backend.text_mlp(&text, &mut scratch, &mut stream);
            self.keep(format!("text_mlp {rows}x{hidden}x{intermediate}"), &stream);
            let mut scratch =
                VisionScratch::new(backend, rows, hidden, intermediate).expect("a small scratch");
            let mut stream = self.noise(89, rows, hidden);
            backend.vision_mlp(&vision, &mut scratch, &mut stream);
            self.keep(
                format!("vision_mlp {rows}x{hidden}x{intermediate}"),
                &stream,
            );
        }
    }

    fn vision_blocks(&mut self) {
        let (rows, hidden, intermediate, heads) = (20, 72, 100, 3);
        let backend = self.backend;
        let norm = |cases: &Self, seed: u64, columns: usize| LayerNorm {
            weight: cases.parameter(seed, columns),
            bias: cases.parameter(seed + 1, columns),
        };
        let attention = VisionAttention {
            norm: norm(self, 60, hidden),
            query: self.linear(62, hidden, hidden, true),
            key: self.linear(63, hidden, hidden, true),
            value: self.linear(64, hidden, hidden, true),
            output: self.linear(65, hidden, hidden, true),
            heads,
        };
        let mlp = VisionMlp {
            norm: norm(self, 66, hidden),
            up: self.linear(68, intermediate, hidden, true),
            down: self.linear(69, hidden, intermediate, true),
        };
        let (cos, sin) = self.angles(rows, hidden / heads / 2);
        let step = VisionStep {
            rows,
            cos,
            sin,
            spans: self.indices(&[0, 8, 20]),
            position_indices: self.indices(&vec![0; rows * 4]),
            position_weights: self.zeros(rows, 4),
        };
        let mut scratch =
            VisionScratch::new(backend, rows, hidden, intermediate).expect("a small scratch");
        let mut stream = self.noise(70, rows, hidden);
        backend.vision_attention(&attention, &step, &mut scratch, &mut stream);
        self.keep("vision_attention", &stream);
        backend.vision_mlp(&mlp, &mut scratch, &mut stream);
        self.keep("vision_mlp", &stream);
        for norm_after_fold in [false, true] {
            let wide = 4 * hidden;
            let merger = Merger {
                norm: norm(self, 72, if norm_after_fold { wide } else { hidden }),
                norm_after_fold,
                up: self.linear(74, wide, wide, true),
                down: self.linear(75, 40, wide, true),
                fold: 4,
            };
            let mut out = self.zeros(rows / 4, 40);
            backend.merge(&merger, &stream, &mut scratch, &mut out);
            self.keep(format!("merge, norm after fold {norm_after_fold}"), &out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_agrees_with_itself_and_gives_finite_values() {
        assert_eq!(
            differences(
                &Reference,
                Tolerance {
                    largest: 0.0,
                    rms: 0.0
                }
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_value_slightly_off_is_found() {
        let case = |values: Vec<f32>| Outcome {
            name: "case".to_owned(),
            values,
        };
        let right = case(vec![1.0, 2.0, 3.0]);
        assert!(difference(&right, &case(vec![1.0, 2.0, 3.0]), F32).is_none());
        assert!(difference(&right, &case(vec![1.0, 2.0, 3.0001]), F32).is_some());
        assert!(difference(&right, &case(vec![1.0, 2.0, f32::NAN]), F32).is_some());
    }
}
