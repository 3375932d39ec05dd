//! Whole blocks where activations are rounded to bfloat16: what the coarse ops of the contract say, in fewer passes.
//! The stream stays float32; what a norm makes of it is rounded once, on the way, and everything up to the residual
//! is bfloat16 in the scratch tensors' memory. Definitions: `ops::text`, `ops::vision`.

use ops::Gelu;
use ops::step::{TextStep, VisionStep};
use ops::text::{TextAttention, TextMlp, TextScratch};
use ops::vision::{Merger, NORM_EPS, VisionAttention, VisionMlp, VisionScratch};

use crate::attention::{self, CudaKvCache, HeadNorms};
use crate::backend::Cuda;
use crate::half::Half;
use crate::linear::{Into, multiply, multiply_swiglu};
use crate::norm;
use crate::tensor::CudaTensor;

/// The room of a scratch tensor, in the shape it has now.
fn half(tensor: &mut CudaTensor) -> Half {
    let columns = tensor.columns();
    Half::in_tensor(tensor, columns)
}

pub(crate) fn text_attention(
    cuda: &Cuda,
    weights: &TextAttention<Cuda>,
    layer: usize,
    step: &TextStep<Cuda>,
    cache: &mut CudaKvCache,
    scratch: &mut TextScratch<Cuda>,
    stream: &mut CudaTensor,
) {
    scratch.fit(cuda, step.rows);
    let normed = half(&mut scratch.normed);
    let (query, key) = (half(&mut scratch.query), half(&mut scratch.key));
    let (value, attended) = (half(&mut scratch.value), half(&mut scratch.attended));
    norm::rms_half(cuda, stream, &weights.norm, weights.eps, normed);
    multiply(
        cuda,
        normed,
        &mut [
            (&weights.query, Into::Half(query)),
            (&weights.key, Into::Half(key)),
            (&weights.value, Into::Half(value)),
        ],
    );
    let norms = HeadNorms {
        query: &weights.query_norm,
        key: &weights.key_norm,
        eps: weights.eps,
    };
    let rows = [query, key, value];
    attention::prepare_and_attend(cuda, rows, norms, step, cache, layer, attended);
    multiply(
        cuda,
        attended,
        &mut [(&weights.output, Into::AddTo(stream))],
    );
}

pub(crate) fn text_mlp(
    cuda: &Cuda,
    weights: &TextMlp<Cuda>,
    scratch: &mut TextScratch<Cuda>,
    stream: &mut CudaTensor,
) {
    scratch.fit(cuda, stream.rows());
    let (normed, inner) = (half(&mut scratch.normed), half(&mut scratch.gate));
    norm::rms_half(cuda, stream, &weights.norm, weights.eps, normed);
    multiply_swiglu(cuda, normed, &weights.gate, &weights.up, inner);
    multiply(cuda, inner, &mut [(&weights.down, Into::AddTo(stream))]);
}

pub(crate) fn vision_attention(
    cuda: &Cuda,
    weights: &VisionAttention<Cuda>,
    step: &VisionStep<Cuda>,
    scratch: &mut VisionScratch<Cuda>,
    stream: &mut CudaTensor,
) {
    scratch.fit(cuda, stream.rows(), stream.columns());
    let normed = half(&mut scratch.normed);
    let (query, key) = (half(&mut scratch.query), half(&mut scratch.key));
    let (value, attended) = (half(&mut scratch.value), half(&mut scratch.attended));
    let (weight, bias) = (&weights.norm.weight, &weights.norm.bias);
    norm::layer_half(cuda, stream, weight, bias, NORM_EPS, normed);
    multiply(
        cuda,
        normed,
        &mut [
            (&weights.query, Into::Half(query)),
            (&weights.key, Into::Half(key)),
            (&weights.value, Into::Half(value)),
        ],
    );
    attention::spans_half(
        cuda,
        [query, key, value],
        weights.heads,
        [&step.cos, &step.sin],
        &step.spans,
        attended,
    );
    multiply(
        cuda,
        attended,
        &mut [(&weights.output, Into::AddTo(stream))],
    );
}

pub(crate) fn vision_mlp(
    cuda: &Cuda,
    weights: &VisionMlp<Cuda>,
    scratch: &mut VisionScratch<Cuda>,
    stream: &mut CudaTensor,
) {
    scratch.fit(cuda, stream.rows(), stream.columns());
    let (normed, inner) = (half(&mut scratch.normed), half(&mut scratch.inner));
    let (weight, bias) = (&weights.norm.weight, &weights.norm.bias);
    norm::layer_half(cuda, stream, weight, bias, NORM_EPS, normed);
    let up = (&weights.up, Into::Gelu(Gelu::Tanh, inner));
    multiply(cuda, normed, &mut [up]);
    multiply(cuda, inner, &mut [(&weights.down, Into::AddTo(stream))]);
}

pub(crate) fn merge(
    cuda: &Cuda,
    weights: &Merger<Cuda>,
    patches: &CudaTensor,
    scratch: &mut VisionScratch<Cuda>,
    out: &mut CudaTensor,
) {
    // Rows that end between two pieces of 16 bytes cannot be folded where they lie.
    if !patches.columns().is_multiple_of(8) {
        return ops::vision::merge(cuda, weights, patches, scratch, out);
    }
    let (tokens, wide) = (
        patches.rows() / weights.fold,
        patches.columns() * weights.fold,
    );
    let columns = out.columns();
    scratch.normed.shape(tokens, wide);
    scratch.folded.shape(tokens, wide);
    out.shape(tokens, columns);
    let (normed, inner) = (half(&mut scratch.normed), half(&mut scratch.folded));
    // Whether before folding or after, the norm's own length says what a row is.
    let (weight, bias) = (&weights.norm.weight, &weights.norm.bias);
    norm::layer_half(cuda, patches, weight, bias, NORM_EPS, normed);
    let up = (&weights.up, Into::Gelu(Gelu::Erf, inner));
    multiply(cuda, normed, &mut [up]);
    multiply(cuda, inner, &mut [(&weights.down, Into::Float(out))]);
}
