//! The text tower: tokens and picture features to logits, over a paged cache of keys and values.
//!
//! A step may hold rows of several conversations, and of each any stretch of its tokens: the tower
//! knows no prefill and no decode. It knows no tokenizer and no sampling either.

use std::ops::Range;

use ops::backend::{Backend, BackendError, Sensitivity};
use ops::likeliest;
use ops::step::{Sequence, TextStep, upload_angles};
use ops::text::{TextAttention, TextMlp, TextScratch, TextWidths};

use crate::config::TextConfig;
use crate::loader::Loader;
use crate::observe::{Observer, Stage};
use crate::rope::text_angles;
use crate::vision::Features;
use crate::weights::Weights;

/// The tower's weights on a device.
pub struct TextTower<B: Backend> {
    config: TextConfig,
    embedding: B::Linear,
    layers: Vec<(TextAttention<B>, TextMlp<B>)>,
    norm: B::Parameter,
    /// `None` where the head is the embedding.
    head: Option<B::Linear>,
}

/// One step: rows of one or more conversations.
pub struct TextRows<'a, B: Backend> {
    /// Token ids, `[rows]`.
    pub ids: &'a [u32],
    /// Time, row and column of each token, `[rows]`.
    pub positions: &'a [[u32; 3]],
    /// Which rows belong to which conversation; together they cover all rows.
    pub sequences: &'a [Sequence],
    /// Rows that hold picture tokens.
    pub pictures: &'a [PicturePlacement<'a, B>],
    /// Rows whose logits are wanted.
    pub logits: &'a [u32],
}

/// Picture tokens in a step: step row `rows.start + i` takes feature row `first_token + i`.
pub struct PicturePlacement<'a, B: Backend> {
    /// The picture.
    pub features: &'a Features<B>,
    /// Rows of the step.
    pub rows: Range<usize>,
    /// Which of the picture's tokens the first row holds.
    pub first_token: usize,
}

/// Room for the tower's activations, made once.
pub struct TextWorkspace<B: Backend> {
    stream: B::Tensor,
    scratch: TextScratch<B>,
    picked: B::Tensor,
    normed: B::Tensor,
    logits: B::Tensor,
    /// Where the device prefers that whoever draws looks there first.
    likeliest: Option<B::Tensor>,
    page_tokens: usize,
}

/// A step as the device holds it.
struct Inputs<B: Backend> {
    step: TextStep<B>,
    placements: Vec<PlacedRows<B>>,
    /// Rows whose logits are wanted, if any are.
    wanted: Option<B::Indices>,
}

impl<B: Backend> TextWorkspace<B> {
    /// A workspace for steps of up to `rows` rows and `logits` rows of logits.
    pub fn new(
        backend: &B,
        config: &TextConfig,
        rows: usize,
        logits: usize,
        page_tokens: usize,
    ) -> Result<Self, BackendError> {
        let widths = TextWidths {
            hidden: config.hidden_size,
            query: config.num_attention_heads * config.head_dim,
            key: config.num_key_value_heads * config.head_dim,
            intermediate: config.intermediate_size,
        };
        let vocabulary = config.vocab_size;
        let likeliest = backend
            .prefers_likeliest(vocabulary)
            .then(|| backend.tensor(logits, likeliest::columns(vocabulary)));
        Ok(Self {
            stream: backend.tensor(rows, config.hidden_size)?,
            scratch: TextScratch::new(backend, rows, widths)?,
            picked: backend.tensor(logits, config.hidden_size)?,
            normed: backend.tensor(logits, config.hidden_size)?,
            logits: backend.tensor(logits, vocabulary)?,
            likeliest: likeliest.transpose()?,
            page_tokens,
        })
    }

    /// Rows of logits that the last step computed. Good until the next.
    pub fn logits(&self, backend: &B, rows: Range<usize>) -> Vec<f32> {
        backend.download(&self.logits, rows)
    }

    /// What [`ops::likeliest`] says of rows of logits of the last step, where the device prefers that to the logits
    /// themselves.
    pub fn likeliest(&self, backend: &B, rows: Range<usize>) -> Option<Vec<f32>> {
        let likeliest = self.likeliest.as_ref()?;
        Some(backend.download(likeliest, rows))
    }
}

impl<B: Backend> TextTower<B> {
    /// Takes the tower's weights. `loaded` is told of each weight taken.
    pub fn load(
        backend: &B,
        config: &TextConfig,
        tied: bool,
        weights: &dyn Weights,
        loaded: &mut dyn FnMut(),
    ) -> Result<Self, BackendError> {
        let mut loader = Loader {
            backend,
            weights,
            loaded,
        };
        let (vocabulary, hidden) = (config.vocab_size, config.hidden_size);
        let embedding = loader.linear(
            "model.language_model.embed_tokens",
            [vocabulary, hidden],
            Sensitivity::High,
        )?;
        let layers = (0..config.num_hidden_layers)
            .map(|index| layer(&mut loader, config, index))
            .collect::<Result<_, _>>()?;
        let norm = loader.parameter("model.language_model.norm.weight", &[hidden])?;
        let head = match tied {
            true => None,
            false => Some(loader.linear("lm_head", [vocabulary, hidden], Sensitivity::High)?),
        };
        Ok(Self {
            config: config.clone(),
            embedding,
            layers,
            norm,
            head,
        })
    }

    /// Runs a step and returns the wanted logits, [logits, vocab_size].
    pub fn forward(
        &self,
        backend: &B,
        rows: &TextRows<'_, B>,
        cache: &mut B::KvCache,
        workspace: &mut TextWorkspace<B>,
        observer: &mut impl Observer<B>,
    ) -> Result<Vec<f32>, BackendError> {
        self.compute(backend, rows, cache, workspace, observer)?;
        match rows.logits.len() {
            0 => Ok(Vec::new()),
            wanted => Ok(workspace.logits(backend, 0..wanted)),
        }
    }

    /// Runs a step. Keys and values of all rows are in the cache afterwards, the wanted logits in the workspace.
    pub fn compute(
        &self,
        backend: &B,
        rows: &TextRows<'_, B>,
        cache: &mut B::KvCache,
        workspace: &mut TextWorkspace<B>,
        observer: &mut impl Observer<B>,
    ) -> Result<(), BackendError> {
        let inputs = backend.at_once(|| self.inputs(backend, rows, workspace.page_tokens))?;
        backend.recorded(|| self.run(backend, rows, &inputs, cache, workspace, observer));
        Ok(())
    }

    /// The ops of a step, from ids to logits. Nothing is uploaded or downloaded on the way.
    fn run(
        &self,
        backend: &B,
        rows: &TextRows<'_, B>,
        inputs: &Inputs<B>,
        cache: &mut B::KvCache,
        workspace: &mut TextWorkspace<B>,
        observer: &mut impl Observer<B>,
    ) {
        let Inputs {
            step,
            placements,
            wanted,
        } = inputs;
        let TextWorkspace {
            stream,
            scratch,
            picked,
            normed,
            logits,
            likeliest,
            ..
        } = workspace;
        backend.shape(stream, step.rows, self.config.hidden_size);
        backend.embed(&self.embedding, &step.ids, stream);
        for (picture, (to, from)) in rows.pictures.iter().zip(placements) {
            backend.put_rows(stream, to, &picture.features.merged, from);
        }
        observer.observe(backend, Stage::TextEmbeds, stream);

        for (index, (attention, mlp)) in self.layers.iter().enumerate() {
            backend.text_attention(attention, index, step, cache, scratch, stream);
            backend.text_mlp(mlp, scratch, stream);
            observer.observe(backend, Stage::TextLayerOut(index), stream);
            for (picture, (to, from)) in rows.pictures.iter().zip(placements) {
                if let Some(features) = picture.features.deepstack.get(index) {
                    backend.add_rows(stream, to, features, from);
                }
            }
            observer.observe(backend, Stage::TextLayerToNext(index), stream);
        }

        let Some(wanted) = wanted else {
            return;
        };
        let count = rows.logits.len();
        backend.shape(picked, count, self.config.hidden_size);
        backend.shape(normed, count, self.config.hidden_size);
        backend.shape(logits, count, self.config.vocab_size);
        backend.gather_rows(stream, wanted, picked);
        backend.rms_norm(picked, &self.norm, self.config.rms_norm_eps, normed);
        observer.observe(backend, Stage::TextFinalNorm, normed);
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        backend.matmul(normed, head, logits);
        if let Some(likeliest) = likeliest {
            let columns = likeliest::columns(self.config.vocab_size);
            backend.shape(likeliest, count, columns);
            backend.likeliest(logits, likeliest);
        }
    }

    fn inputs(
        &self,
        backend: &B,
        rows: &TextRows<'_, B>,
        page_tokens: usize,
    ) -> Result<Inputs<B>, BackendError> {
        Ok(Inputs {
            step: self.step(backend, rows, page_tokens)?,
            placements: upload_placements(backend, rows.pictures)?,
            wanted: match rows.logits {
                [] => None,
                logits => Some(backend.indices(logits)?),
            },
        })
    }

    fn step(
        &self,
        backend: &B,
        rows: &TextRows<'_, B>,
        page_tokens: usize,
    ) -> Result<TextStep<B>, BackendError> {
        let angles = text_angles(&self.config, rows.positions);
        let (cos, sin) = upload_angles(backend, angles.half, &angles.cos, &angles.sin)?;
        let slots: Vec<u32> = rows
            .sequences
            .iter()
            .flat_map(|sequence| {
                (0..sequence.rows.len()).map(|row| {
                    sequence
                        .slot(sequence.context + row, page_tokens)
                        .expect("the engine gives a sequence pages for all its rows")
                })
            })
            .collect();
        assert_eq!(slots.len(), rows.ids.len(), "sequences cover all rows");
        Ok(TextStep {
            rows: rows.ids.len(),
            ids: backend.indices(rows.ids)?,
            cos,
            sin,
            slots: backend.indices(&slots)?,
            sequences: backend.sequences(rows.sequences)?,
        })
    }
}

type PlacedRows<B> = (<B as Backend>::Indices, <B as Backend>::Indices);

fn upload_placements<B: Backend>(
    backend: &B,
    pictures: &[PicturePlacement<'_, B>],
) -> Result<Vec<PlacedRows<B>>, BackendError> {
    let numbers = |from: usize, count: usize| -> Vec<u32> {
        (from..from + count).map(|row| row as u32).collect()
    };
    pictures
        .iter()
        .map(|picture| {
            let count = picture.rows.len();
            let to = backend.indices(&numbers(picture.rows.start, count))?;
            let from = backend.indices(&numbers(picture.first_token, count))?;
            Ok((to, from))
        })
        .collect()
}

/// One decoder layer. The values of attention and the down projections of the first and last eighth of the
/// layers are the ones that suffer most from few bits (measured by others on models of this family, and the
/// choice of the mixed 4-bit formats in wide use).
fn layer<B: Backend>(
    loader: &mut Loader<'_, B>,
    config: &TextConfig,
    index: usize,
) -> Result<(TextAttention<B>, TextMlp<B>), BackendError> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let query = config.num_attention_heads * config.head_dim;
    let key = config.num_key_value_heads * config.head_dim;
    let name = format!("model.language_model.layers.{index}");
    let attention = format!("{name}.self_attn");
    let mlp = format!("{name}.mlp");
    let edge = config.num_hidden_layers / 8;
    let inside = (edge..config.num_hidden_layers - edge).contains(&index);
    let down = if inside {
        Sensitivity::Ordinary
    } else {
        Sensitivity::High
    };
    let ordinary = Sensitivity::Ordinary;
    Ok((
        TextAttention {
            norm: loader.parameter(&format!("{name}.input_layernorm.weight"), &[hidden])?,
            query: loader.linear(&format!("{attention}.q_proj"), [query, hidden], ordinary)?,
            key: loader.linear(&format!("{attention}.k_proj"), [key, hidden], ordinary)?,
            value: loader.linear(
                &format!("{attention}.v_proj"),
                [key, hidden],
                Sensitivity::High,
            )?,
            query_norm: loader
                .parameter(&format!("{attention}.q_norm.weight"), &[config.head_dim])?,
            key_norm: loader
                .parameter(&format!("{attention}.k_norm.weight"), &[config.head_dim])?,
            output: loader.linear(&format!("{attention}.o_proj"), [hidden, query], ordinary)?,
            eps: config.rms_norm_eps,
        },
        TextMlp {
            norm: loader.parameter(
                &format!("{name}.post_attention_layernorm.weight"),
                &[hidden],
            )?,
            gate: loader.linear(&format!("{mlp}.gate_proj"), [inner, hidden], ordinary)?,
            up: loader.linear(&format!("{mlp}.up_proj"), [inner, hidden], ordinary)?,
            down: loader.linear(&format!("{mlp}.down_proj"), [hidden, inner], down)?,
            eps: config.rms_norm_eps,
        },
    ))
}
