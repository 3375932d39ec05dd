//! The naive float32 backend: every op as its formula reads, one loop after another. It is the plain
//! definition that every other backend is compared with, so nothing here is clever.

use std::ops::Range;

use crate::backend::{Backend, BackendError, Gelu, KvShape, LinearWeight};
use crate::host::HostTensor;
use crate::math;
use crate::step::Sequence;

/// Runs the model by the book.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

/// A weight widened to float32.
#[derive(Debug)]
pub struct ReferenceLinear {
    outputs: usize,
    inputs: usize,
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
}

/// Keys and values: `[layer][slot][kv_head * head_dim]`.
#[derive(Debug)]
pub struct ReferenceKvCache {
    shape: KvShape,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl ReferenceKvCache {
    fn width(&self) -> usize {
        self.shape.kv_heads * self.shape.head_dim
    }

    fn at(&self, layer: usize, slot: usize) -> usize {
        (layer * self.shape.pages * self.shape.page_tokens + slot) * self.width()
    }
}

impl Backend for Reference {
    type Tensor = HostTensor;
    type Linear = ReferenceLinear;
    type Parameter = Vec<f32>;
    type Indices = Vec<u32>;
    type Sequences = Vec<Sequence>;
    type KvCache = ReferenceKvCache;

    fn tensor(&self, rows: usize, columns: usize) -> Result<HostTensor, BackendError> {
        Ok(HostTensor::zeros(rows, columns))
    }

    fn shape(&self, tensor: &mut HostTensor, rows: usize, columns: usize) {
        tensor.shape(rows, columns);
    }

    fn dimensions(&self, tensor: &HostTensor) -> (usize, usize) {
        (tensor.rows(), tensor.columns())
    }

    fn upload(&self, tensor: &mut HostTensor, values: &[f32]) {
        tensor.values_mut().copy_from_slice(values);
    }

    fn download(&self, tensor: &HostTensor, rows: Range<usize>) -> Vec<f32> {
        tensor.rows_at(rows).to_vec()
    }

    fn linear(&self, given: &LinearWeight<'_>) -> Result<ReferenceLinear, BackendError> {
        let LinearWeight { weight, bias, .. } = given;
        let [outputs, inputs] = *weight.shape() else {
            panic!("a linear weight has two axes")
        };
        let bias = bias.map(formats::Tensor::to_f32);
        Ok(ReferenceLinear {
            outputs,
            inputs,
            weight: weight.to_f32(),
            bias,
        })
    }

    fn parameter(&self, values: &formats::Tensor) -> Result<Vec<f32>, BackendError> {
        Ok(values.to_f32())
    }

    fn indices(&self, values: &[u32]) -> Result<Vec<u32>, BackendError> {
        Ok(values.to_vec())
    }

    fn sequences(&self, sequences: &[Sequence]) -> Result<Vec<Sequence>, BackendError> {
        Ok(sequences.to_vec())
    }

    fn kv_cache(&self, shape: KvShape) -> Result<ReferenceKvCache, BackendError> {
        let elements = shape.elements().ok_or(BackendError::OutOfMemory {
            device: "CPU".into(),
            what: "keys and values",
            bytes: u64::MAX,
        })?;
        Ok(ReferenceKvCache {
            shape,
            keys: vec![0.0; elements],
            values: vec![0.0; elements],
        })
    }

    fn embed(&self, table: &ReferenceLinear, ids: &Vec<u32>, out: &mut HostTensor) {
        for (row, &id) in ids.iter().enumerate() {
            let from = id as usize * table.inputs;
            out.row_mut(row)
                .copy_from_slice(&table.weight[from..from + table.inputs]);
        }
    }

    fn matmul(&self, x: &HostTensor, weight: &ReferenceLinear, out: &mut HostTensor) {
        assert_eq!(
            (x.columns(), out.columns()),
            (weight.inputs, weight.outputs)
        );
        for row in 0..x.rows() {
            for output in 0..weight.outputs {
                let w = &weight.weight[output * weight.inputs..][..weight.inputs];
                let dot: f32 = x.row(row).iter().zip(w).map(|(a, b)| a * b).sum();
                let bias = weight.bias.as_ref().map_or(0.0, |bias| bias[output]);
                out.row_mut(row)[output] = dot + bias;
            }
        }
    }

    fn copy(&self, x: &HostTensor, out: &mut HostTensor) {
        out.values_mut().copy_from_slice(x.values());
    }

    fn add(&self, stream: &mut HostTensor, delta: &HostTensor) {
        for (s, d) in stream.values_mut().iter_mut().zip(delta.values()) {
            *s += d;
        }
    }

    fn rms_norm(&self, x: &HostTensor, weight: &Vec<f32>, eps: f32, out: &mut HostTensor) {
        out.values_mut().copy_from_slice(x.values());
        self.rms_norm_heads(out, weight, eps);
    }

    fn rms_norm_heads(&self, x: &mut HostTensor, weight: &Vec<f32>, eps: f32) {
        for head in x.values_mut().chunks_exact_mut(weight.len()) {
            let mean_square = head.iter().map(|v| v * v).sum::<f32>() / head.len() as f32;
            let scale = 1.0 / (mean_square + eps).sqrt();
            for (v, w) in head.iter_mut().zip(weight) {
                *v = *v * scale * w;
            }
        }
    }

    fn layer_norm(
        &self,
        x: &HostTensor,
        weight: &Vec<f32>,
        bias: &Vec<f32>,
        eps: f32,
        out: &mut HostTensor,
    ) {
        for row in 0..x.rows() {
            let from = x.row(row);
            let count = from.len() as f32;
            let mean = from.iter().sum::<f32>() / count;
            let variance = from.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / count;
            let scale = 1.0 / (variance + eps).sqrt();
            for (column, o) in out.row_mut(row).iter_mut().enumerate() {
                *o = (from[column] - mean) * scale * weight[column] + bias[column];
            }
        }
    }

    fn silu_mul(&self, gate: &mut HostTensor, up: &HostTensor) {
        for (g, u) in gate.values_mut().iter_mut().zip(up.values()) {
            *g = math::silu(*g) * u;
        }
    }

    fn gelu(&self, x: &mut HostTensor, kind: Gelu) {
        for v in x.values_mut() {
            *v = match kind {
                Gelu::Tanh => math::gelu_tanh(*v),
                Gelu::Erf => math::gelu_erf(*v),
            };
        }
    }

    fn rotate(&self, x: &mut HostTensor, cos: &HostTensor, sin: &HostTensor) {
        let half = cos.columns();
        for row in 0..x.rows() {
            let (cos, sin) = (cos.row(row), sin.row(row));
            for head in x.row_mut(row).chunks_exact_mut(2 * half) {
                for i in 0..half {
                    let (a, b) = (head[i], head[i + half]);
                    head[i] = a * cos[i] - b * sin[i];
                    head[i + half] = b * cos[i] + a * sin[i];
                }
            }
        }
    }

    fn kv_write(
        &self,
        cache: &mut ReferenceKvCache,
        layer: usize,
        key: &HostTensor,
        value: &HostTensor,
        slots: &Vec<u32>,
    ) {
        let width = cache.width();
        for (row, &slot) in slots.iter().enumerate() {
            let at = cache.at(layer, slot as usize);
            cache.keys[at..at + width].copy_from_slice(key.row(row));
            cache.values[at..at + width].copy_from_slice(value.row(row));
        }
    }

    fn attend_cached(
        &self,
        query: &HostTensor,
        cache: &ReferenceKvCache,
        layer: usize,
        sequences: &Vec<Sequence>,
        out: &mut HostTensor,
    ) {
        let head_dim = cache.shape.head_dim;
        let group = query.columns() / cache.width();
        for sequence in sequences {
            for row in sequence.rows.clone() {
                let seen = sequence.context + row - sequence.rows.start + 1;
                let slots: Vec<usize> = (0..seen)
                    .map(|index| {
                        let page = sequence.pages[index / cache.shape.page_tokens] as usize;
                        page * cache.shape.page_tokens + index % cache.shape.page_tokens
                    })
                    .collect();
                for head in 0..query.columns() / head_dim {
                    let part = head / group * head_dim;
                    let rows_of = |values: &'_ [f32]| -> Vec<Vec<f32>> {
                        slots
                            .iter()
                            .map(|&slot| {
                                values[cache.at(layer, slot) + part..][..head_dim].to_vec()
                            })
                            .collect()
                    };
                    let q = &query.row(row)[head * head_dim..][..head_dim];
                    let o = attend(q, &rows_of(&cache.keys), &rows_of(&cache.values));
                    out.row_mut(row)[head * head_dim..][..head_dim].copy_from_slice(&o);
                }
            }
        }
    }

    fn attend_spans(
        &self,
        query: &HostTensor,
        key: &HostTensor,
        value: &HostTensor,
        heads: usize,
        spans: &Vec<u32>,
        out: &mut HostTensor,
    ) {
        let head_dim = query.columns() / heads;
        for span in spans.windows(2) {
            let rows = span[0] as usize..span[1] as usize;
            for head in 0..heads {
                let part = head * head_dim..(head + 1) * head_dim;
                let of = |tensor: &HostTensor| -> Vec<Vec<f32>> {
                    rows.clone()
                        .map(|row| tensor.row(row)[part.clone()].to_vec())
                        .collect()
                };
                let (keys, values) = (of(key), of(value));
                for row in rows.clone() {
                    let o = attend(&query.row(row)[part.clone()], &keys, &values);
                    out.row_mut(row)[part.clone()].copy_from_slice(&o);
                }
            }
        }
    }

    fn gather_rows(&self, x: &HostTensor, rows: &Vec<u32>, out: &mut HostTensor) {
        for (to, &from) in rows.iter().enumerate() {
            out.row_mut(to).copy_from_slice(x.row(from as usize));
        }
    }

    fn put_rows(&self, stream: &mut HostTensor, to: &Vec<u32>, x: &HostTensor, from: &Vec<u32>) {
        for (&to, &from) in to.iter().zip(from) {
            stream
                .row_mut(to as usize)
                .copy_from_slice(x.row(from as usize));
        }
    }

    fn add_rows(&self, stream: &mut HostTensor, to: &Vec<u32>, x: &HostTensor, from: &Vec<u32>) {
        for (&to, &from) in to.iter().zip(from) {
            for (s, v) in stream
                .row_mut(to as usize)
                .iter_mut()
                .zip(x.row(from as usize))
            {
                *s += v;
            }
        }
    }

    fn add_interpolated(
        &self,
        x: &mut HostTensor,
        table: &Vec<f32>,
        indices: &Vec<u32>,
        weights: &HostTensor,
    ) {
        let columns = x.columns();
        for row in 0..x.rows() {
            for corner in 0..4 {
                let place = indices[row * 4 + corner] as usize;
                let weight = weights.row(row)[corner];
                for (v, t) in x.row_mut(row).iter_mut().zip(&table[place * columns..]) {
                    *v += weight * t;
                }
            }
        }
    }
}

/// `softmax(q K^T / sqrt(head_dim)) V` for one query.
fn attend(query: &[f32], keys: &[Vec<f32>], values: &[Vec<f32>]) -> Vec<f32> {
    let scale = 1.0 / (query.len() as f32).sqrt();
    let dot = |key: &Vec<f32>| query.iter().zip(key).map(|(q, k)| q * k).sum::<f32>() * scale;
    let scores: Vec<f32> = keys.iter().map(dot).collect();
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let total: f32 = weights.iter().sum();
    let mut out = vec![0.0; query.len()];
    for (weight, value) in weights.iter().zip(values) {
        for (o, v) in out.iter_mut().zip(value) {
            *o += weight / total * v;
        }
    }
    out
}
