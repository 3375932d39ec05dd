//! Several devices as one of the op contract: a model whose layers lie on more than one.
//!
//! Every weight lies on one device, by its name; the cache of a layer lies where the layer does. An op runs where its
//! weights are, or where its first input is, and what else it needs is brought there. Whole blocks are handed to
//! their device as that device's own blocks, so that it runs them its own way. Between devices values go
//! through the host: a few kilobytes for a word, some megabytes for a piece of a prompt.
//!
//! It knows no model: names and layers are given to [`Route`]. Where all of a model lies on one device, that device
//! is used by itself and nothing of this is.

mod blocks;
mod lists;
mod own;
mod tensor;

use std::ops::Range;
use std::sync::Arc;

use cpu::Cpu;
use cuda::Cuda;
use formats::Tensor as FileTensor;
use ops::backend::{Backend, BackendError, Gelu, KvShape, LinearWeight};
use ops::step::{Sequence, TextStep, VisionStep};
use ops::text::{self, TextAttention, TextMlp, TextScratch};
use ops::vision::{self, Merger, VisionAttention, VisionMlp, VisionScratch};

pub use lists::{Indices, Parameter, Sequences};
use own::{OwnKvCache, OwnLinear};
pub use tensor::Tensor;

/// Does something with a member, with the type it has.
macro_rules! on {
    ($composite:expr, $at:expr, $member:ident: $kind:ident => $body:expr) => {
        match &$composite.devices[$at] {
            crate::composite::Device::Cpu(device) => {
                #[allow(dead_code)]
                type $kind = cpu::Cpu;
                #[allow(unused_imports)]
                use crate::composite::own::Choose as _;
                #[allow(unused_imports)]
                use ops::Backend as _;
                let $member: &$kind = device;
                $body
            }
            crate::composite::Device::Cuda(device) => {
                #[allow(dead_code)]
                type $kind = cuda::Cuda;
                #[allow(unused_imports)]
                use crate::composite::own::Choose as _;
                #[allow(unused_imports)]
                use ops::Backend as _;
                let $member: &$kind = device;
                $body
            }
        }
    };
}
use on;

/// One of the devices.
#[derive(Clone)]
pub enum Device {
    /// The processor.
    Cpu(Arc<Cpu>),
    /// A GPU.
    Cuda(Arc<Cuda>),
}

/// What lies where: numbers of devices.
pub struct Route {
    /// By the name of a weight.
    pub weight: Box<dyn Fn(&str) -> usize + Send + Sync>,
    /// By the number of a layer: its keys and values.
    pub layer: Box<dyn Fn(usize) -> usize + Send + Sync>,
    /// Where logits come out.
    pub logits: usize,
}

/// Several devices as one.
pub struct Composite {
    devices: Vec<Device>,
    route: Route,
}

/// A weight on its device.
pub struct Linear {
    at: usize,
    own: OwnLinear,
}

/// Keys and values of all layers, each on its device.
pub struct KvCache {
    parts: Vec<Option<OwnKvCache>>,
    /// Of every layer: its device, and which of the device's layers it is.
    layers: Vec<(usize, usize)>,
}

impl KvCache {
    fn part(&self, layer: usize) -> (usize, usize, &OwnKvCache) {
        let (at, own) = self.layers[layer];
        let part = self.parts[at].as_ref();
        (at, own, part.expect("a device with layers has a cache"))
    }

    fn part_mut(&mut self, layer: usize) -> (usize, usize, &mut OwnKvCache) {
        let (at, own) = self.layers[layer];
        let part = self.parts[at].as_mut();
        (at, own, part.expect("a device with layers has a cache"))
    }
}

impl Composite {
    /// Devices, of which `route` gives the numbers.
    pub fn new(devices: Vec<Device>, route: Route) -> Self {
        assert!(!devices.is_empty(), "at least one device");
        Self { devices, route }
    }

    /// Lets the devices from `from` on gather what `body` starts.
    fn recorded_from(&self, from: usize, body: &mut dyn FnMut()) {
        if from == self.devices.len() {
            return body();
        }
        on!(self, from, member: M => member.recorded(|| self.recorded_from(from + 1, body)));
    }

    /// Where an op on this tensor runs: where its values are.
    fn place(&self, tensor: &Tensor) -> usize {
        tensor.place().unwrap_or(0)
    }
}

impl Backend for Composite {
    type Tensor = Tensor;
    type Linear = Linear;
    type Parameter = Parameter;
    type Indices = Indices;
    type Sequences = Sequences;
    type KvCache = KvCache;

    fn tensor(&self, rows: usize, columns: usize) -> Result<Tensor, BackendError> {
        Ok(Tensor::new(self.devices.len(), rows, columns))
    }

    fn shape(&self, tensor: &mut Tensor, rows: usize, columns: usize) {
        tensor.shape(rows, columns);
    }

    fn dimensions(&self, tensor: &Tensor) -> (usize, usize) {
        tensor.dimensions()
    }

    fn upload(&self, tensor: &mut Tensor, values: &[f32]) {
        tensor.upload(values);
    }

    fn download(&self, tensor: &Tensor, rows: Range<usize>) -> Vec<f32> {
        self.download_rows(tensor, rows)
    }

    fn linear(&self, weight: &LinearWeight<'_>) -> Result<Linear, BackendError> {
        let at = (self.route.weight)(weight.name);
        let own = on!(self, at, member: M => member.linear(weight).map(M::wrap))?;
        Ok(Linear { at, own })
    }

    fn parameter(&self, values: &FileTensor) -> Result<Parameter, BackendError> {
        Ok(Parameter::new(self.devices.len(), values))
    }

    fn indices(&self, values: &[u32]) -> Result<Indices, BackendError> {
        Ok(Indices::new(self.devices.len(), values.to_vec()))
    }

    fn sequences(&self, sequences: &[Sequence]) -> Result<Sequences, BackendError> {
        Ok(Sequences::new(self.devices.len(), sequences.to_vec()))
    }

    fn kv_cache(&self, shape: KvShape) -> Result<KvCache, BackendError> {
        let mut counts = vec![0; self.devices.len()];
        let layers = (0..shape.layers).map(|layer| {
            let at = (self.route.layer)(layer);
            counts[at] += 1;
            (at, counts[at] - 1)
        });
        let layers = layers.collect();
        let parts = counts.into_iter().enumerate().map(|(at, layers)| {
            let own = KvShape { layers, ..shape };
            let part =
                (layers > 0).then(|| on!(self, at, member: M => member.kv_cache(own).map(M::wrap)));
            part.transpose()
        });
        let parts = parts.collect::<Result<_, _>>()?;
        Ok(KvCache { parts, layers })
    }

    fn recorded(&self, body: impl FnOnce()) {
        let mut body = Some(body);
        self.recorded_from(0, &mut || {
            if let Some(body) = body.take() {
                body();
            }
        });
    }

    fn wait(&self) {
        for at in 0..self.devices.len() {
            on!(self, at, member: M => member.wait());
        }
    }

    fn likeliest(&self, logits: &Tensor, out: &mut Tensor) {
        let at = self.place(logits);
        on!(self, at, member: M => member.likeliest(
            M::of(&self.read(logits, at)),
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn prefers_likeliest(&self, vocabulary: usize) -> bool {
        on!(self, self.route.logits, member: M => member.prefers_likeliest(vocabulary))
    }

    fn embed(&self, table: &Linear, ids: &Indices, out: &mut Tensor) {
        let at = table.at;
        on!(self, at, member: M => member.embed(
            M::of(&table.own),
            M::of(&self.indices_at(ids, at)),
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn matmul(&self, x: &Tensor, weight: &Linear, out: &mut Tensor) {
        let at = weight.at;
        on!(self, at, member: M => member.matmul(
            M::of(&self.read(x, at)),
            M::of(&weight.own),
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn copy(&self, x: &Tensor, out: &mut Tensor) {
        let at = self.place(x);
        on!(self, at, member: M => member.copy(
            M::of(&self.read(x, at)),
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn add(&self, stream: &mut Tensor, delta: &Tensor) {
        let at = self.place(delta);
        on!(self, at, member: M => member.add(
            M::of_mut(self.change(stream, at)),
            M::of(&self.read(delta, at)),
        ));
    }

    fn rms_norm(&self, x: &Tensor, weight: &Parameter, eps: f32, out: &mut Tensor) {
        let at = self.place(x);
        on!(self, at, member: M => member.rms_norm(
            M::of(&self.read(x, at)),
            M::of(self.parameter_at(weight, at)),
            eps,
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn rms_norm_heads(&self, x: &mut Tensor, weight: &Parameter, eps: f32) {
        let at = self.place(x);
        on!(self, at, member: M => member.rms_norm_heads(
            M::of_mut(self.change(x, at)),
            M::of(self.parameter_at(weight, at)),
            eps,
        ));
    }

    fn layer_norm(
        &self,
        x: &Tensor,
        weight: &Parameter,
        bias: &Parameter,
        eps: f32,
        out: &mut Tensor,
    ) {
        let at = self.place(x);
        on!(self, at, member: M => member.layer_norm(
            M::of(&self.read(x, at)),
            M::of(self.parameter_at(weight, at)),
            M::of(self.parameter_at(bias, at)),
            eps,
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn silu_mul(&self, gate: &mut Tensor, up: &Tensor) {
        let at = self.place(gate);
        on!(self, at, member: M => member.silu_mul(
            M::of_mut(self.change(gate, at)),
            M::of(&self.read(up, at)),
        ));
    }

    fn gelu(&self, x: &mut Tensor, kind: Gelu) {
        let at = self.place(x);
        on!(self, at, member: M => member.gelu(M::of_mut(self.change(x, at)), kind));
    }

    fn rotate(&self, x: &mut Tensor, cos: &Tensor, sin: &Tensor) {
        let at = self.place(x);
        on!(self, at, member: M => member.rotate(
            M::of_mut(self.change(x, at)),
            M::of(&self.read(cos, at)),
            M::of(&self.read(sin, at)),
        ));
    }

    fn kv_write(
        &self,
        cache: &mut KvCache,
        layer: usize,
        key: &Tensor,
        value: &Tensor,
        slots: &Indices,
    ) {
        let (at, layer, part) = cache.part_mut(layer);
        on!(self, at, member: M => member.kv_write(
            M::of_mut(part),
            layer,
            M::of(&self.read(key, at)),
            M::of(&self.read(value, at)),
            M::of(&self.indices_at(slots, at)),
        ));
    }

    fn attend_cached(
        &self,
        query: &Tensor,
        cache: &KvCache,
        layer: usize,
        sequences: &Sequences,
        out: &mut Tensor,
    ) {
        let (at, layer, part) = cache.part(layer);
        on!(self, at, member: M => member.attend_cached(
            M::of(&self.read(query, at)),
            M::of(part),
            layer,
            M::of(&self.sequences_at(sequences, at)),
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn attend_spans(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        heads: usize,
        spans: &Indices,
        out: &mut Tensor,
    ) {
        let at = self.place(query);
        on!(self, at, member: M => member.attend_spans(
            M::of(&self.read(query, at)),
            M::of(&self.read(key, at)),
            M::of(&self.read(value, at)),
            heads,
            M::of(&self.indices_at(spans, at)),
            M::of_mut(self.fill(out, at)),
        ));
    }

    fn gather_rows(&self, x: &Tensor, rows: &Indices, out: &mut Tensor) {
        let at = self.place(x);
        on!(self, at, member: M => member.gather_rows(
            M::of(&self.read(x, at)),
            M::of(&self.indices_at(rows, at)),
            M::of_mut(self.fill(out, at)),
        ));
    }

    // The picture stays where it was read: rows of a step are fewer, and go on from there.

    fn put_rows(&self, stream: &mut Tensor, to: &Indices, x: &Tensor, from: &Indices) {
        let at = self.place(x);
        on!(self, at, member: M => member.put_rows(
            M::of_mut(self.change(stream, at)),
            M::of(&self.indices_at(to, at)),
            M::of(&self.read(x, at)),
            M::of(&self.indices_at(from, at)),
        ));
    }

    fn add_rows(&self, stream: &mut Tensor, to: &Indices, x: &Tensor, from: &Indices) {
        let at = self.place(x);
        on!(self, at, member: M => member.add_rows(
            M::of_mut(self.change(stream, at)),
            M::of(&self.indices_at(to, at)),
            M::of(&self.read(x, at)),
            M::of(&self.indices_at(from, at)),
        ));
    }

    fn add_interpolated(
        &self,
        x: &mut Tensor,
        table: &Parameter,
        indices: &Indices,
        weights: &Tensor,
    ) {
        let at = self.place(x);
        on!(self, at, member: M => member.add_interpolated(
            M::of_mut(self.change(x, at)),
            M::of(self.parameter_at(table, at)),
            M::of(&self.indices_at(indices, at)),
            M::of(&self.read(weights, at)),
        ));
    }

    // A block whose weights lie on several devices is taken through its plain body.

    fn text_attention(
        &self,
        weights: &TextAttention<Self>,
        layer: usize,
        step: &TextStep<Self>,
        cache: &mut KvCache,
        scratch: &mut TextScratch<Self>,
        stream: &mut Tensor,
    ) {
        let (at, own_layer, part) = cache.part_mut(layer);
        let linears = [
            &weights.query,
            &weights.key,
            &weights.value,
            &weights.output,
        ];
        if linears.iter().any(|linear| linear.at != at) {
            return text::attention(self, weights, layer, step, cache, scratch, stream);
        }
        on!(self, at, member: M => {
            let stream = M::of_mut(self.change(stream, at));
            let part = M::of_mut(part);
            let place = blocks::Place { composite: self, at, member };
            place.text_attention(weights, own_layer, step, part, scratch, stream);
        });
    }

    fn text_mlp(
        &self,
        weights: &TextMlp<Self>,
        scratch: &mut TextScratch<Self>,
        stream: &mut Tensor,
    ) {
        let at = weights.gate.at;
        if [&weights.up, &weights.down]
            .iter()
            .any(|linear| linear.at != at)
        {
            return text::mlp(self, weights, scratch, stream);
        }
        on!(self, at, member: M => {
            let stream = M::of_mut(self.change(stream, at));
            blocks::Place { composite: self, at, member }.text_mlp(weights, scratch, stream);
        });
    }

    fn vision_attention(
        &self,
        weights: &VisionAttention<Self>,
        step: &VisionStep<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut Tensor,
    ) {
        let at = weights.query.at;
        let linears = [&weights.key, &weights.value, &weights.output];
        if linears.iter().any(|linear| linear.at != at) {
            return vision::attention(self, weights, step, scratch, stream);
        }
        on!(self, at, member: M => {
            let stream = M::of_mut(self.change(stream, at));
            let place = blocks::Place { composite: self, at, member };
            place.vision_attention(weights, step, scratch, stream);
        });
    }

    fn vision_mlp(
        &self,
        weights: &VisionMlp<Self>,
        scratch: &mut VisionScratch<Self>,
        stream: &mut Tensor,
    ) {
        let at = weights.up.at;
        if weights.down.at != at {
            return vision::mlp(self, weights, scratch, stream);
        }
        on!(self, at, member: M => {
            let stream = M::of_mut(self.change(stream, at));
            blocks::Place { composite: self, at, member }.vision_mlp(weights, scratch, stream);
        });
    }

    fn merge(
        &self,
        weights: &Merger<Self>,
        patches: &Tensor,
        scratch: &mut VisionScratch<Self>,
        out: &mut Tensor,
    ) {
        let at = weights.up.at;
        if weights.down.at != at {
            return vision::merge(self, weights, patches, scratch, out);
        }
        on!(self, at, member: M => {
            let place = blocks::Place { composite: self, at, member };
            place.merge(weights, M::of(&self.read(patches, at)), scratch, out);
        });
    }
}
