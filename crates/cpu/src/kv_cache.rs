//! Keys and values in pages, in the layout in which attention multiplies them.
//!
//! To a kernel, the keys of a page are a weight with one output per key and one input per dimension of a head;
//! the values are one with an output per dimension and an input per key. So they lie in panels of 16 outputs, as
//! weights do (`pack`), and attention needs no kernel of its own. Float32, or pairs of bfloat16 in half the space,
//! padded to whole tiles of 32 inputs.

use ops::backend::KvShape;

use crate::kernel::amx::INPUTS;
use crate::pack::PANEL;

/// Keys and values of all layers.
pub struct CpuKvCache {
    pub(crate) shape: KvShape,
    pub(crate) keys: Store,
    pub(crate) values: Store,
}

/// One of the two, of all layers.
pub(crate) enum Store {
    Floats(Vec<f32>),
    /// Pairs of bfloat16 that follow each other along the inputs.
    Pairs(Vec<u32>),
}

/// Panels of one head: `outputs` and `inputs` in one or the other element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PanelShape {
    /// 16 outputs each.
    pub(crate) panels: usize,
    /// Steps of 16 elements (values or pairs) per panel.
    pub(crate) depth: usize,
}

impl PanelShape {
    pub(crate) fn new(outputs: usize, inputs: usize, pairs: bool) -> Self {
        Self {
            panels: outputs.div_ceil(PANEL),
            depth: if pairs {
                inputs.next_multiple_of(INPUTS) / 2
            } else {
                inputs
            },
        }
    }

    /// Elements of all panels.
    pub(crate) fn size(self) -> usize {
        self.panels * self.depth * PANEL
    }
}

/// Shapes of keys and values of a head in a page.
pub(crate) fn shapes(shape: KvShape, pairs: bool) -> (PanelShape, PanelShape) {
    (
        PanelShape::new(shape.page_tokens, shape.head_dim, pairs),
        PanelShape::new(shape.head_dim, shape.page_tokens, pairs),
    )
}

/// Elements of keys and of values of the whole cache; `None` where no number holds them.
pub(crate) fn elements(shape: KvShape, pairs: bool) -> Option<[usize; 2]> {
    let heads = shape
        .layers
        .checked_mul(shape.pages)?
        .checked_mul(shape.kv_heads)?;
    let padded = shape.page_tokens.checked_next_multiple_of(INPUTS)?;
    padded
        .checked_mul(shape.head_dim.checked_next_multiple_of(INPUTS)?)?
        .checked_mul(heads)?;
    let (keys, values) = shapes(shape, pairs);
    Some([heads * keys.size(), heads * values.size()])
}

impl CpuKvCache {
    /// Zeros; pages of memory are taken when they are first written.
    pub(crate) fn new(shape: KvShape, pairs: bool, [keys, values]: [usize; 2]) -> Self {
        let store = |elements| {
            if pairs {
                Store::Pairs(vec![0; elements])
            } else {
                Store::Floats(vec![0.0; elements])
            }
        };
        Self {
            shape,
            keys: store(keys),
            values: store(values),
        }
    }

    pub(crate) fn pairs(&self) -> bool {
        matches!(self.keys, Store::Pairs(_))
    }

    /// Which head of all.
    pub(crate) fn head(&self, layer: usize, page: usize, kv_head: usize) -> usize {
        (layer * self.shape.pages + page) * self.shape.kv_heads + kv_head
    }

    /// Stores the key and value of one token, [kv_heads * head_dim] each.
    pub(crate) fn write(&mut self, layer: usize, slot: usize, key: &[f32], value: &[f32]) {
        let KvShape {
            head_dim,
            page_tokens,
            kv_heads,
            ..
        } = self.shape;
        let (page, place) = (slot / page_tokens, slot % page_tokens);
        let (key_shape, value_shape) = shapes(self.shape, self.pairs());
        for kv_head in 0..kv_heads {
            let head = self.head(layer, page, kv_head);
            let part = kv_head * head_dim..(kv_head + 1) * head_dim;
            let at = head * key_shape.size()..(head + 1) * key_shape.size();
            self.keys
                .write_output(at, key_shape, place, &key[part.clone()]);
            let at = head * value_shape.size()..(head + 1) * value_shape.size();
            self.values
                .write_input(at, value_shape, place, &value[part]);
        }
    }
}

impl Store {
    fn write_output(
        &mut self,
        at: std::ops::Range<usize>,
        shape: PanelShape,
        output: usize,
        values: &[f32],
    ) {
        match self {
            Self::Floats(all) => write_output(&mut all[at], shape, output, values),
            Self::Pairs(all) => write_output_pairs(&mut all[at], shape, output, values),
        }
    }

    fn write_input(
        &mut self,
        at: std::ops::Range<usize>,
        shape: PanelShape,
        input: usize,
        values: &[f32],
    ) {
        match self {
            Self::Floats(all) => write_input(&mut all[at], shape, input, values),
            Self::Pairs(all) => write_input_pairs(&mut all[at], shape, input, values),
        }
    }
}

fn bits(value: f32) -> u16 {
    crate::activations::rounded(value).to_bits()
}

/// All inputs of one output.
pub(crate) fn write_output(to: &mut [f32], shape: PanelShape, output: usize, values: &[f32]) {
    let panel = &mut to[output / PANEL * shape.depth * PANEL..];
    for (step, value) in panel.chunks_exact_mut(PANEL).zip(values) {
        step[output % PANEL] = *value;
    }
}

/// All inputs of one output, in pairs.
pub(crate) fn write_output_pairs(to: &mut [u32], shape: PanelShape, output: usize, values: &[f32]) {
    let panel = &mut to[output / PANEL * shape.depth * PANEL..];
    for (step, pair) in panel.chunks_exact_mut(PANEL).zip(values.chunks(2)) {
        let second = pair.get(1).map_or(0, |second| bits(*second));
        step[output % PANEL] = u32::from(bits(pair[0])) | u32::from(second) << 16;
    }
}

/// One input of all outputs.
pub(crate) fn write_input(to: &mut [f32], shape: PanelShape, input: usize, values: &[f32]) {
    let panels = to.chunks_exact_mut(shape.depth * PANEL);
    for (panel, values) in panels.zip(values.chunks(PANEL)) {
        panel[input * PANEL..][..values.len()].copy_from_slice(values);
    }
}

/// One input of all outputs, in pairs: the other of the pair stays.
pub(crate) fn write_input_pairs(to: &mut [u32], shape: PanelShape, input: usize, values: &[f32]) {
    let panels = to.chunks_exact_mut(shape.depth * PANEL);
    for (panel, values) in panels.zip(values.chunks(PANEL)) {
        for (pair, value) in panel[input / 2 * PANEL..].iter_mut().zip(values) {
            let value = u32::from(bits(*value));
            *pair = if input.is_multiple_of(2) {
                *pair & 0xffff_0000 | value
            } else {
                *pair & 0xffff | value << 16
            };
        }
    }
}
