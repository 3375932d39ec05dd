//! The coarse ops with neighbouring steps joined: products that share their activations are one parallel region,
//! and activation functions and residuals happen while a block of outputs is in the cache.
//! Plain definitions: the default bodies in `ops::text` and `ops::vision`.

use ops::Gelu;
use ops::backend::Backend;
use ops::host::HostTensor;
use ops::step::{TextStep, VisionStep};
use ops::text::{TextAttention, TextMlp, TextScratch};
use ops::vision::{NORM_EPS, VisionAttention, VisionMlp, VisionScratch};

use crate::backend::Cpu;
use crate::elementwise;
use crate::kv_cache::CpuKvCache;
use crate::linear::{Product, Then, products};

pub(crate) fn text_attention(
    cpu: &Cpu,
    weights: &TextAttention<Cpu>,
    layer: usize,
    step: &TextStep<Cpu>,
    cache: &mut CpuKvCache,
    scratch: &mut TextScratch<Cpu>,
    stream: &mut HostTensor,
) {
    scratch.fit(cpu, step.rows);
    let TextScratch {
        normed,
        query,
        key,
        value,
        attended,
        ..
    } = scratch;
    cpu.rms_norm(stream, &weights.norm, weights.eps, normed);
    products(
        cpu,
        normed,
        &[
            Product::new(&weights.query, query, Then::Store),
            Product::new(&weights.key, key, Then::Store),
            Product::new(&weights.value, value, Then::Store),
        ],
    );
    for (x, norm) in [
        (&mut *query, &weights.query_norm),
        (&mut *key, &weights.key_norm),
    ] {
        let norm = Some((&norm[..], weights.eps));
        elementwise::norm_and_rotate(cpu, x, norm, &step.cos, &step.sin);
    }
    cpu.kv_write(cache, layer, key, value, &step.slots);
    cpu.attend_cached(query, cache, layer, &step.sequences, attended);
    products(
        cpu,
        attended,
        &[Product::new(&weights.output, stream, Then::Add)],
    );
}

pub(crate) fn text_mlp(
    cpu: &Cpu,
    weights: &TextMlp<Cpu>,
    scratch: &mut TextScratch<Cpu>,
    stream: &mut HostTensor,
) {
    scratch.fit(cpu, stream.rows());
    let TextScratch { normed, up, .. } = scratch;
    cpu.rms_norm(stream, &weights.norm, weights.eps, normed);
    let gated = Product {
        gate: Some(&weights.gate),
        ..Product::new(&weights.up, up, Then::Store)
    };
    products(cpu, normed, &[gated]);
    products(cpu, up, &[Product::new(&weights.down, stream, Then::Add)]);
}

pub(crate) fn vision_attention(
    cpu: &Cpu,
    weights: &VisionAttention<Cpu>,
    step: &VisionStep<Cpu>,
    scratch: &mut VisionScratch<Cpu>,
    stream: &mut HostTensor,
) {
    scratch.fit(cpu, stream.rows(), stream.columns());
    let VisionScratch {
        normed,
        query,
        key,
        value,
        attended,
        ..
    } = scratch;
    let norm = &weights.norm;
    cpu.layer_norm(stream, &norm.weight, &norm.bias, NORM_EPS, normed);
    products(
        cpu,
        normed,
        &[
            Product::new(&weights.query, query, Then::Store),
            Product::new(&weights.key, key, Then::Store),
            Product::new(&weights.value, value, Then::Store),
        ],
    );
    cpu.rotate(query, &step.cos, &step.sin);
    cpu.rotate(key, &step.cos, &step.sin);
    cpu.attend_spans(query, key, value, weights.heads, &step.spans, attended);
    products(
        cpu,
        attended,
        &[Product::new(&weights.output, stream, Then::Add)],
    );
}

pub(crate) fn vision_mlp(
    cpu: &Cpu,
    weights: &VisionMlp<Cpu>,
    scratch: &mut VisionScratch<Cpu>,
    stream: &mut HostTensor,
) {
    scratch.fit(cpu, stream.rows(), stream.columns());
    let VisionScratch { normed, inner, .. } = scratch;
    let norm = &weights.norm;
    cpu.layer_norm(stream, &norm.weight, &norm.bias, NORM_EPS, normed);
    let up = Product::new(&weights.up, inner, Then::Gelu(Gelu::Tanh));
    products(cpu, normed, &[up]);
    products(
        cpu,
        inner,
        &[Product::new(&weights.down, stream, Then::Add)],
    );
}
