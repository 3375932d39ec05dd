//! What goes where: a pure function of sizes and wishes.
//!
//! The first GPU of a placement holds the vision tower, embedding and head; layers follow in order, each GPU taking as many
//! as fit, the processor the rest. Candidates are all orders of all sets of up to four GPUs (of more, the
//! largest), in every precision that may be, with and without the processor. The best by [`Placement::rank`] is taken.
//! For one candidate more memory never gives fewer layers or pages, so neither does the best of all.

use std::ops::Range;

use model::config::Config;

use crate::composite::Route;
use crate::sizes::{Precision, Sizes, Steps};

/// Kept free on every GPU: what the driver takes for kernels, what ops share as workspace, holes between buffers.
pub const RESERVE: u64 = 320 << 20;
/// And this share of the bound, because holes grow with what is taken.
const RESERVE_SHARE: u64 = 100;
/// Pictures kept beside the one that is read, at least.
const KEPT_PICTURES: u64 = 2;
/// Room for kept pictures is not made larger than this.
const MOST_FEATURES: u64 = 512 << 20;
/// Tokens of one question with a picture of a megapixel, answer included. Unasked there is room for two of them.
const LEAST_CONTEXT: usize = 2048;
/// Unasked, no conversation gets more.
const MOST_CONTEXT: usize = 16_384;
/// With so many tokens in all a second GPU is not worth its crossings.
const AMPLE_TOKENS: usize = 16_384;
/// A processor that shares in the work needs this beside weights and keys and values.
const CPU_WORKING: u64 = 1 << 29;
/// Of more GPUs not every order is tried.
const ALL_ORDERS: usize = 4;

/// A GPU that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// The driver's number of it.
    pub ordinal: u32,
    /// In words.
    pub name: String,
    /// Bytes that may be taken: what is free, or the bound that was set.
    pub bytes: u64,
}

impl Gpu {
    /// What of it buffers may take; the rest is the driver's.
    pub fn pool(&self) -> u64 {
        self.bytes.saturating_sub(RESERVE / 2)
    }
}

/// What is asked of a placement.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The model.
    pub config: &'a Config,
    /// Its weights are stored in float32.
    pub stored_wide: bool,
    /// The arithmetic; `None`: the finest that fits.
    pub precision: Option<Precision>,
    /// Most tokens of a conversation; `None`: as many as fit, within reason.
    pub context_tokens: Option<usize>,
    /// Tokens for which keys and values are kept; `None`: up to four contexts.
    pub cache_tokens: Option<usize>,
    /// What is computed at once.
    pub steps: Steps,
    /// Memory of the processor that may be taken.
    pub cpu_bytes: u64,
}

/// A device's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The GPU; `None`: the processor.
    pub gpu: Option<Gpu>,
    /// It reads pictures.
    pub vision: bool,
    /// It has embedding and head.
    pub ends: bool,
    /// Decoder layers.
    pub layers: Range<usize>,
    /// What it takes.
    pub bytes: Bytes,
}

/// Bytes on a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Weights.
    pub weights: u64,
    /// Keys and values.
    pub cache: u64,
    /// Activations, and pictures that are kept.
    pub activations: u64,
    /// Kept free for the driver.
    pub reserve: u64,
}

impl Bytes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.weights + self.cache + self.activations + self.reserve
    }
}

/// What lies where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// How weights are held.
    pub precision: Precision,
    /// GPUs in the order of the layers, then the processor where it has a part.
    pub shares: Vec<Share>,
    /// Most tokens of a conversation.
    pub context_tokens: usize,
    /// Pages of keys and values.
    pub pages: usize,
    /// Bytes for pictures that are kept.
    pub features: u64,
}

/// How good a placement is; larger is better.
pub type Rank = (bool, u8, bool, usize, bool, bool, isize, usize);

impl Placement {
    /// Wholly on GPUs first, then the finer precision, then who reads pictures, layers on GPUs, embedding and head there,
    /// room for several conversations, fewer devices, pages.
    pub fn rank(&self, page_tokens: usize) -> Rank {
        let gpus = || self.shares.iter().filter(|share| share.gpu.is_some());
        let precision = match self.precision {
            Precision::F32 => 3,
            Precision::Bf16 => 2,
            Precision::Q8 => 1,
            Precision::Q4 => 0,
        };
        (
            self.shares.iter().all(|share| share.gpu.is_some()),
            precision,
            gpus().any(|share| share.vision),
            gpus().map(|share| share.layers.len()).sum(),
            gpus().any(|share| share.ends),
            self.pages * page_tokens >= AMPLE_TOKENS,
            -(self.shares.len() as isize),
            self.pages,
        )
    }

    /// Where a composite of the shares' devices, in their order, has weights and layers.
    pub fn route(&self) -> Route {
        let find = |has: &dyn Fn(&Share) -> bool| self.shares.iter().position(has).unwrap_or(0);
        let vision = find(&|share| share.vision);
        let ends = find(&|share| share.ends);
        let layers = self.shares.iter().enumerate();
        let layers: Vec<usize> = layers
            .flat_map(|(at, share)| share.layers.clone().map(move |_| at))
            .collect();
        let layer_of = move |layer: usize| layers.get(layer).copied().unwrap_or(ends);
        let weight_layer = layer_of.clone();
        Route {
            weight: Box::new(move |name| {
                let layer = name.strip_prefix("model.language_model.layers.");
                let layer = layer.and_then(|rest| rest.split('.').next()?.parse().ok());
                match layer {
                    Some(layer) => weight_layer(layer),
                    None if name.starts_with("model.visual.") => vision,
                    None => ends,
                }
            }),
            layer: Box::new(layer_of),
            logits: ends,
        }
    }
}

/// The best placement with at least a quarter of the layers on GPUs; `None` where there is none. Without a
/// processor to help (`cpu_bytes` 0) it is wholly on GPUs.
pub fn plan(gpus: &[Gpu], wish: &Wish<'_>) -> Option<Placement> {
    let finest_first = [Precision::Bf16, Precision::Q8, Precision::Q4];
    let precisions = match &wish.precision {
        Some(asked) => std::slice::from_ref(asked),
        None => &finest_first,
    };
    let orders = orders(gpus);
    let mut all = Vec::new();
    for &precision in precisions {
        let sizes = Sizes {
            config: wish.config,
            precision,
            stored_wide: wish.stored_wide,
            steps: wish.steps,
        };
        for order in &orders {
            all.extend(candidate(order, &sizes, wish, true, None));
            // The coarsest precision takes the most layers along.
            if Some(&precision) == precisions.last() {
                for ends in [true, false] {
                    let helped = Some(wish.cpu_bytes);
                    all.extend(candidate(order, &sizes, wish, ends, helped));
                }
            }
        }
    }
    // Of equals the first: GPUs in the driver's order.
    all.into_iter()
        .rev()
        .max_by_key(|placement| placement.rank(wish.steps.page_tokens))
}

/// Orders of sets of GPUs.
fn orders(gpus: &[Gpu]) -> Vec<Vec<&Gpu>> {
    if gpus.len() > ALL_ORDERS {
        let mut sorted: Vec<&Gpu> = gpus.iter().collect();
        sorted.sort_by_key(|gpu| std::cmp::Reverse(gpu.bytes));
        return (1..=sorted.len())
            .map(|count| sorted[..count].to_vec())
            .collect();
    }
    let mut orders: Vec<Vec<&Gpu>> = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..gpus.len() {
        let end = orders.len();
        for index in from..end {
            for gpu in gpus {
                if !orders[index].contains(&gpu) {
                    let mut longer = orders[index].clone();
                    longer.push(gpu);
                    orders.push(longer);
                }
            }
        }
        from = end;
    }
    orders.split_off(1)
}

/// One order of GPUs in one precision.
struct Candidate<'a> {
    order: &'a [&'a Gpu],
    sizes: &'a Sizes<'a>,
    /// Embedding and head lie on the first GPU.
    ends: bool,
    layers: usize,
    features: u64,
}

fn candidate(
    order: &[&Gpu],
    sizes: &Sizes<'_>,
    wish: &Wish<'_>,
    ends: bool,
    helped: Option<u64>,
) -> Option<Placement> {
    let text = &wish.config.text;
    let page_tokens = wish.steps.page_tokens;
    let most = text.max_position_embeddings;
    let pages_of = |tokens: usize| tokens.max(1).div_ceil(page_tokens).min(u32::MAX as usize);
    let asked = wish.context_tokens.map(|tokens| tokens.min(most));
    let conversations = if helped.is_some() { 1 } else { 2 };
    let least_context = asked.unwrap_or(LEAST_CONTEXT.min(most));
    let (least, wanted) = match (wish.cache_tokens, asked) {
        (Some(cache), _) => (cache.max(least_context), cache.max(least_context)),
        (None, Some(context)) => (context, context.saturating_mul(4)),
        (None, None) => (conversations * least_context, 4 * MOST_CONTEXT.min(most)),
    };
    let candidate = Candidate {
        order,
        sizes,
        ends,
        layers: text.num_hidden_layers,
        features: KEPT_PICTURES * sizes.features(),
    };
    let least_pages = pages_of(least);
    let first = candidate.fill(least_pages)?;
    let covered = |ranges: &[Range<usize>]| ranges.last().map_or(0, |range| range.end);
    let layers = covered(&first);
    let enough = match helped {
        None => layers == candidate.layers,
        Some(_) => (layers < candidate.layers || !ends) && layers * 4 >= candidate.layers,
    };
    let cpu = |pages| candidate.cpu(layers, pages);
    let fits = |pages: usize| {
        candidate
            .fill(pages)
            .is_some_and(|ranges| covered(&ranges) >= layers)
            && helped.is_none_or(|bytes| cpu(pages) <= bytes)
    };
    if !enough || !fits(least_pages) {
        return None;
    }
    let (mut good, mut bad) = (least_pages, pages_of(wanted).max(least_pages) + 1);
    while good + 1 < bad {
        let middle = good + (bad - good) / 2;
        match fits(middle) {
            true => good = middle,
            false => bad = middle,
        }
    }
    Some(candidate.placement(good, asked, most, helped.is_some()))
}

impl Candidate<'_> {
    fn reserve(gpu: &Gpu) -> u64 {
        RESERVE + gpu.bytes / RESERVE_SHARE
    }

    /// Bytes of a GPU's part.
    fn bytes(&self, index: usize, layers: &Range<usize>, pages: usize) -> Bytes {
        let sizes = self.sizes;
        let mut bytes = Bytes {
            weights: layers.clone().map(|layer| sizes.layer(layer)).sum(),
            cache: sizes.cache(layers.len(), pages),
            activations: 0,
            reserve: Self::reserve(self.order[index]),
        };
        if !layers.is_empty() {
            bytes.activations += sizes.layers_step();
        }
        if index == 0 {
            bytes.weights += sizes.vision();
            bytes.activations += sizes.vision_step() + self.features;
            if self.ends {
                bytes.weights += sizes.ends();
                bytes.activations += sizes.ends_step();
            }
        } else if !layers.is_empty() {
            // The first layers take what pictures became.
            bytes.activations += self.sizes.features();
        }
        bytes
    }

    /// As many layers as fit, in order; `None` where the first GPU has no room for what it must have.
    fn fill(&self, pages: usize) -> Option<Vec<Range<usize>>> {
        let mut next = 0;
        let mut ranges = Vec::with_capacity(self.order.len());
        for (index, gpu) in self.order.iter().enumerate() {
            let fits = |end: usize| self.bytes(index, &(next..end), pages).total() <= gpu.bytes;
            if index == 0 && !fits(0) {
                return None;
            }
            let mut end = next;
            while end < self.layers && fits(end + 1) {
                end += 1;
            }
            ranges.push(next..end);
            next = end;
        }
        Some(ranges)
    }

    /// Bytes of the processor's part: layers from `from` on, and the ends where no GPU has them.
    fn cpu(&self, from: usize, pages: usize) -> u64 {
        self.cpu_bytes(from, pages).total()
    }

    fn cpu_bytes(&self, from: usize, pages: usize) -> Bytes {
        let layers = from..self.layers;
        let ends = if self.ends { 0 } else { self.sizes.ends() };
        Bytes {
            weights: ends
                + layers
                    .clone()
                    .map(|layer| self.sizes.layer(layer))
                    .sum::<u64>(),
            cache: self.sizes.cache(layers.len(), pages),
            activations: CPU_WORKING,
            reserve: 0,
        }
    }

    fn placement(
        mut self,
        pages: usize,
        asked: Option<usize>,
        most: usize,
        helped: bool,
    ) -> Placement {
        let ranges = self.fill(pages).expect("it was found to fit");
        // What is left on the first GPU keeps pictures.
        let used = self.bytes(0, &ranges[0], pages).total();
        let left = self.order[0].bytes - used;
        self.features = (self.features + left).min(MOST_FEATURES.max(self.features));
        let end = ranges.last().map_or(0, |range| range.end);
        let mut shares: Vec<Share> = ranges
            .iter()
            .enumerate()
            .filter(|(index, layers)| *index == 0 || !layers.is_empty())
            .map(|(index, layers)| Share {
                gpu: Some(self.order[index].clone()),
                vision: index == 0,
                ends: index == 0 && self.ends,
                layers: layers.clone(),
                bytes: self.bytes(index, layers, pages),
            })
            .collect();
        if helped {
            shares.push(Share {
                gpu: None,
                vision: false,
                ends: !self.ends,
                layers: end..self.layers,
                bytes: self.cpu_bytes(end, pages),
            });
        }
        let tokens = pages * self.sizes.steps.page_tokens;
        let context = asked.unwrap_or_else(|| {
            // A power of two, so that the figure is the same from one start to the next; two at once.
            let half = (tokens / 2).max(1);
            let steady = 1_usize << half.ilog2();
            steady
                .clamp(LEAST_CONTEXT, MOST_CONTEXT)
                .min(tokens)
                .min(most)
        });
        Placement {
            precision: self.sizes.precision,
            shares,
            context_tokens: context,
            pages,
            features: self.features,
        }
    }
}

#[cfg(test)]
mod tests;
