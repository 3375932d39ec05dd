//! Whole blocks on one device: its own weights, scratch and step, lent to it for the time of the op.
//!
//! A panic meanwhile loses what was lent, which is scratch, or a copy of what the host knows.

use ops::step::{TextStep, VisionStep};
use ops::text::{TextAttention, TextMlp, TextScratch};
use ops::vision::{LayerNorm, Merger, VisionAttention, VisionMlp, VisionScratch};

use super::own::Member;
use super::{Composite, Linear, Parameter, Tensor};

/// A member of a composite.
pub(super) struct Place<'a, M: Member> {
    pub(super) composite: &'a Composite,
    pub(super) at: usize,
    pub(super) member: &'a M,
}

impl<M: Member> Place<'_, M> {
    fn linear(&self, linear: &Linear) -> M::Linear {
        M::of(&linear.own).clone()
    }

    fn parameter(&self, parameter: &Parameter) -> M::Parameter {
        M::of(self.composite.parameter_at(parameter, self.at)).clone()
    }

    fn norm(&self, norm: &LayerNorm<Composite>) -> LayerNorm<M> {
        LayerNorm {
            weight: self.parameter(&norm.weight),
            bias: self.parameter(&norm.bias),
        }
    }

    fn read(&self, tensor: &Tensor) -> M::Tensor {
        self.composite.take::<M>(tensor, self.at, true)
    }

    fn room(&self, tensor: &Tensor) -> M::Tensor {
        self.composite.take::<M>(tensor, self.at, false)
    }

    fn put(&self, tensor: &Tensor, own: M::Tensor) {
        self.composite.put::<M>(tensor, self.at, own);
    }

    fn put_written(&self, tensor: &mut Tensor, own: M::Tensor) {
        self.composite
            .put_written(self.member, tensor, self.at, own);
    }

    fn with_text_scratch(
        &self,
        scratch: &mut TextScratch<Composite>,
        act: impl FnOnce(&mut TextScratch<M>),
    ) {
        let mut own = TextScratch {
            normed: self.room(&scratch.normed),
            query: self.room(&scratch.query),
            key: self.room(&scratch.key),
            value: self.room(&scratch.value),
            attended: self.room(&scratch.attended),
            gate: self.room(&scratch.gate),
            up: self.room(&scratch.up),
            delta: self.room(&scratch.delta),
        };
        act(&mut own);
        self.put_written(&mut scratch.normed, own.normed);
        self.put_written(&mut scratch.query, own.query);
        self.put_written(&mut scratch.key, own.key);
        self.put_written(&mut scratch.value, own.value);
        self.put_written(&mut scratch.attended, own.attended);
        self.put_written(&mut scratch.gate, own.gate);
        self.put_written(&mut scratch.up, own.up);
        self.put_written(&mut scratch.delta, own.delta);
    }

    fn with_vision_scratch(
        &self,
        scratch: &mut VisionScratch<Composite>,
        act: impl FnOnce(&mut VisionScratch<M>),
    ) {
        let mut own = VisionScratch {
            normed: self.room(&scratch.normed),
            query: self.room(&scratch.query),
            key: self.room(&scratch.key),
            value: self.room(&scratch.value),
            attended: self.room(&scratch.attended),
            inner: self.room(&scratch.inner),
            delta: self.room(&scratch.delta),
            folded: self.room(&scratch.folded),
        };
        act(&mut own);
        self.put_written(&mut scratch.normed, own.normed);
        self.put_written(&mut scratch.query, own.query);
        self.put_written(&mut scratch.key, own.key);
        self.put_written(&mut scratch.value, own.value);
        self.put_written(&mut scratch.attended, own.attended);
        self.put_written(&mut scratch.inner, own.inner);
        self.put_written(&mut scratch.delta, own.delta);
        self.put_written(&mut scratch.folded, own.folded);
    }

    pub(super) fn text_attention(
        &self,
        weights: &TextAttention<Composite>,
        layer: usize,
        step: &TextStep<Composite>,
        cache: &mut M::KvCache,
        scratch: &mut TextScratch<Composite>,
        stream: &mut M::Tensor,
    ) {
        let own = TextAttention {
            norm: self.parameter(&weights.norm),
            query: self.linear(&weights.query),
            key: self.linear(&weights.key),
            value: self.linear(&weights.value),
            query_norm: self.parameter(&weights.query_norm),
            key_norm: self.parameter(&weights.key_norm),
            output: self.linear(&weights.output),
            eps: weights.eps,
        };
        let own_step = TextStep {
            rows: step.rows,
            ids: self.composite.take_indices::<M>(&step.ids, self.at),
            cos: self.read(&step.cos),
            sin: self.read(&step.sin),
            slots: self.composite.take_indices::<M>(&step.slots, self.at),
            sequences: self.composite.take_sequences::<M>(&step.sequences, self.at),
        };
        self.with_text_scratch(scratch, |scratch| {
            self.member
                .text_attention(&own, layer, &own_step, cache, scratch, stream);
        });
        step.ids.put::<M>(self.at, own_step.ids);
        self.put(&step.cos, own_step.cos);
        self.put(&step.sin, own_step.sin);
        step.slots.put::<M>(self.at, own_step.slots);
        step.sequences.put::<M>(self.at, own_step.sequences);
    }

    pub(super) fn text_mlp(
        &self,
        weights: &TextMlp<Composite>,
        scratch: &mut TextScratch<Composite>,
        stream: &mut M::Tensor,
    ) {
        let own = TextMlp {
            norm: self.parameter(&weights.norm),
            gate: self.linear(&weights.gate),
            up: self.linear(&weights.up),
            down: self.linear(&weights.down),
            eps: weights.eps,
        };
        self.with_text_scratch(scratch, |scratch| {
            self.member.text_mlp(&own, scratch, stream);
        });
    }

    pub(super) fn vision_attention(
        &self,
        weights: &VisionAttention<Composite>,
        step: &VisionStep<Composite>,
        scratch: &mut VisionScratch<Composite>,
        stream: &mut M::Tensor,
    ) {
        let own = VisionAttention {
            norm: self.norm(&weights.norm),
            query: self.linear(&weights.query),
            key: self.linear(&weights.key),
            value: self.linear(&weights.value),
            output: self.linear(&weights.output),
            heads: weights.heads,
        };
        let own_step = VisionStep {
            rows: step.rows,
            cos: self.read(&step.cos),
            sin: self.read(&step.sin),
            spans: self.composite.take_indices::<M>(&step.spans, self.at),
            position_indices: self
                .composite
                .take_indices::<M>(&step.position_indices, self.at),
            position_weights: self.read(&step.position_weights),
        };
        self.with_vision_scratch(scratch, |scratch| {
            self.member
                .vision_attention(&own, &own_step, scratch, stream);
        });
        self.put(&step.cos, own_step.cos);
        self.put(&step.sin, own_step.sin);
        step.spans.put::<M>(self.at, own_step.spans);
        step.position_indices
            .put::<M>(self.at, own_step.position_indices);
        self.put(&step.position_weights, own_step.position_weights);
    }

    pub(super) fn vision_mlp(
        &self,
        weights: &VisionMlp<Composite>,
        scratch: &mut VisionScratch<Composite>,
        stream: &mut M::Tensor,
    ) {
        let own = VisionMlp {
            norm: self.norm(&weights.norm),
            up: self.linear(&weights.up),
            down: self.linear(&weights.down),
        };
        self.with_vision_scratch(scratch, |scratch| {
            self.member.vision_mlp(&own, scratch, stream);
        });
    }

    pub(super) fn merge(
        &self,
        weights: &Merger<Composite>,
        patches: &M::Tensor,
        scratch: &mut VisionScratch<Composite>,
        out: &mut Tensor,
    ) {
        let own = Merger {
            norm: self.norm(&weights.norm),
            norm_after_fold: weights.norm_after_fold,
            up: self.linear(&weights.up),
            down: self.linear(&weights.down),
            fold: weights.fold,
        };
        let mut own_out = self.room(out);
        self.with_vision_scratch(scratch, |scratch| {
            self.member.merge(&own, patches, scratch, &mut own_out);
        });
        self.put_written(out, own_out);
    }
}
