//! A linear weight on the CPU, and how products over it are shared out.
//!
//! Few rows are limited by memory: each task streams some panels. Many rows are limited by arithmetic
//! (`many_rows`): each task takes a block of rows and outputs. Either finishes what it computed (bias, activation,
//! residual) before it leaves the cache.

use ops::{Gelu, HostTensor};

use crate::activations::{Quantised, Rounded, Tiled};
use crate::backend::{Cpu, Precision};
use crate::elementwise;
use crate::kernel::wide::Integers;
use crate::kernel::{Rows, Work, amx, thin, vectorise, wide};
use crate::pack::{Kind, PANEL, Packed};
use crate::shared_rows::SharedRows;

mod many_rows;
#[cfg(test)]
mod tests;

/// A weight `[outputs, inputs]` and its bias. A clone shares the weight.
#[derive(Clone)]
pub struct CpuLinear {
    pub(crate) weight: Packed,
    pub(crate) bias: Option<Vec<f32>>,
}

/// The most rows that are limited by memory rather than arithmetic.
pub(crate) const THIN_ROWS: usize = 8;

/// Panels of one weight that a task reads before it turns to the gate's: a memory gives most to who reads on.
const RUN_PANELS: usize = 8;

/// How a weight and activations meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Float32 activations, weights as stored.
    ThinFloats,
    /// Int8 activations.
    ThinInts,
    /// Everything in float32.
    WideFloats,
    /// Everything in bfloat16, sums in float32.
    WidePairs,
    /// Int8 activations, weights in bytes.
    WideBytes,
    /// The same in words of 16 bits.
    WideWords,
    /// Int8 activations, weights in halves of bytes.
    WideHalves,
    /// As `WidePairs`, in tiles; weights in bytes are unpacked.
    WideTiles,
}

impl Way {
    /// Activations are wanted in int8.
    fn takes_ints(self) -> bool {
        matches!(
            self,
            Self::ThinInts | Self::WideBytes | Self::WideWords | Self::WideHalves
        )
    }
}

fn way(cpu: &Cpu, kind: Kind, rows: usize) -> Way {
    let thin = rows <= THIN_ROWS;
    match kind {
        Kind::F32 | Kind::Bf16 if thin => Way::ThinFloats,
        Kind::Q8 | Kind::Q4 if thin => Way::ThinInts,
        Kind::Bf16 | Kind::Q8 | Kind::Q4
            if cpu.precision != Precision::F32 && amx::multiplies_tiles(cpu.tier) =>
        {
            Way::WideTiles
        }
        Kind::Bf16 if cpu.precision != Precision::F32 && wide::multiplies_pairs(cpu.tier) => {
            Way::WidePairs
        }
        Kind::Q8 | Kind::Q4 => match wide::integers(cpu.tier) {
            Some(Integers::Bytes) => Way::WideBytes,
            Some(Integers::Words) if kind == Kind::Q4 => Way::WideHalves,
            Some(Integers::Words) => Way::WideWords,
            None => Way::WideFloats,
        },
        Kind::F32 | Kind::Bf16 => Way::WideFloats,
    }
}

/// What becomes of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    /// It is the output.
    Store,
    /// It is added to the output.
    Add,
    /// Its GELU is the output.
    Gelu(Gelu),
}

/// One product: `out = then(x w^T + bias)`.
pub(crate) struct Product<'a> {
    pub(crate) weight: &'a CpuLinear,
    /// `out = silu(x gate^T) * (x w^T)` where there is a gate; it has the shape of `weight`.
    pub(crate) gate: Option<&'a CpuLinear>,
    pub(crate) out: SharedRows<'a>,
    pub(crate) then: Then,
}

impl<'a> Product<'a> {
    pub(crate) fn new(weight: &'a CpuLinear, out: &'a mut HostTensor, then: Then) -> Self {
        Self {
            weight,
            gate: None,
            out: SharedRows::new(out),
            then,
        }
    }

    fn panels(&self) -> usize {
        self.weight.weight.panels()
    }
}

/// Forms of activations, kept from op to op so that nothing is allocated twice.
#[derive(Default)]
pub(crate) struct Forms {
    quantised: Quantised,
    rounded: Rounded,
    tiled: Tiled,
}

/// Runs products that share their activations in one parallel region.
pub(crate) fn products(cpu: &Cpu, x: &HostTensor, products: &[Product<'_>]) {
    let rows = x.rows();
    for product in products {
        let weight = &product.weight.weight;
        assert_eq!(
            (x.columns(), product.out.columns(), product.out.rows()),
            (weight.inputs, weight.outputs, rows),
            "shapes of a product"
        );
        if let Some(gate) = product.gate {
            let gate = &gate.weight;
            assert_eq!((gate.inputs, gate.outputs), (weight.inputs, weight.outputs));
        }
    }
    if rows == 0 {
        return;
    }
    let mut forms = cpu.forms();
    let ways: Vec<Way> = products
        .iter()
        .flat_map(|product| [Some(product.weight), product.gate])
        .flatten()
        .map(|weight| way(cpu, weight.weight.kind, rows))
        .collect();
    if ways.iter().any(|way| way.takes_ints()) {
        let words = ways.contains(&Way::WideWords);
        forms.quantised.fill(cpu.tier, &cpu.pool, x, words);
    }
    if ways.contains(&Way::WidePairs) {
        forms.rounded.fill(cpu.tier, &cpu.pool, x);
    }
    let tiles = ways.contains(&Way::WideTiles);
    if tiles {
        forms.tiled.fill(cpu.tier, &cpu.pool, x);
    }
    let sharing = Sharing {
        cpu,
        x,
        forms: &forms,
        products,
    };
    if rows <= THIN_ROWS {
        sharing.thin();
    } else {
        sharing.wide(tiles);
    }
}

/// Products on their way to the threads.
struct Sharing<'a> {
    cpu: &'a Cpu,
    x: &'a HostTensor,
    forms: &'a Forms,
    products: &'a [Product<'a>],
}

impl Sharing<'_> {
    /// Tasks of some panels each.
    fn thin(&self) {
        let rows = self.x.rows();
        let panels: usize = self.products.iter().map(Product::panels).sum();
        let per_task = panels.div_ceil(self.cpu.pool.threads() * 8).max(1);
        let tasks = self.cut(per_task, 1);
        let task = |index: usize| {
            let (product, first, _) = tasks[index];
            let product = &self.products[product];
            let end = (first + per_task).min(product.panels());
            for first in (first..end).step_by(RUN_PANELS) {
                let run = first..end.min(first + RUN_PANELS);
                let mut sums = [[[0.0; PANEL]; THIN_ROWS]; RUN_PANELS];
                let mut gates = sums;
                for (panel, sums) in run.clone().zip(&mut sums) {
                    self.thin_panel(&product.weight.weight, panel, &mut sums[..rows]);
                }
                if let Some(gate) = product.gate {
                    for (panel, gates) in run.clone().zip(&mut gates) {
                        self.thin_panel(&gate.weight, panel, &mut gates[..rows]);
                    }
                }
                for (panel, (sums, gates)) in run.zip(sums.iter().zip(&gates)) {
                    for (row, (sums, gate)) in sums.iter().zip(gates).enumerate().take(rows) {
                        // SAFETY: every panel of every product is in one task.
                        unsafe { self.finish(product, row, panel, sums, gate) };
                    }
                }
            }
        };
        if panels * self.products[0].weight.weight.inputs < 8 * 1024 {
            (0..tasks.len()).for_each(task);
        } else {
            self.cpu.pool.run(tasks.len(), task);
        }
    }

    fn thin_panel(&self, weight: &Packed, panel: usize, out: &mut [[f32; PANEL]]) {
        let (bytes, tier) = (weight.panel(panel), self.cpu.tier);
        for (index, out) in out.chunks_mut(thin::MOST_ROWS).enumerate() {
            let first = index * thin::MOST_ROWS;
            match weight.kind {
                Kind::F32 | Kind::Bf16 => {
                    let columns = self.x.columns();
                    let x = self.x.rows_at(first..first + out.len());
                    let x = Rows::new(x, out.len(), columns, columns);
                    thin::floats(tier, weight.kind, x, bytes, out);
                }
                Kind::Q8 | Kind::Q4 => {
                    let x = self.forms.quantised.ints().slice(first, out.len());
                    thin::ints(tier, weight.kind, x, weight.depth(), bytes, out);
                }
            }
        }
    }

    /// (product, first panel, block of rows) of every task.
    fn cut(&self, panels: usize, row_blocks: usize) -> Vec<(usize, usize, usize)> {
        let mut tasks = Vec::new();
        for (index, product) in self.products.iter().enumerate() {
            for first in (0..product.panels()).step_by(panels) {
                tasks.extend((0..row_blocks).map(|block| (index, first, block)));
            }
        }
        tasks
    }

    /// Bias, activation, residual: sums become outputs.
    ///
    /// # Safety
    /// Nobody else writes these outputs of this row.
    #[inline]
    unsafe fn finish(
        &self,
        product: &Product<'_>,
        row: usize,
        panel: usize,
        sums: &[f32],
        gate: &[f32],
    ) {
        let first = panel * PANEL;
        let count = sums.len().min(product.weight.weight.outputs - first);
        // SAFETY: the caller's promise.
        let out = unsafe { product.out.part(row, first, count) };
        let part = first..first + count;
        let finish = Finish {
            sums: &sums[..count],
            bias: product.weight.bias.as_ref().map(|b| &b[part]),
            gate: product.gate.map(|_| &gate[..count]),
            then: product.then,
            out,
        };
        vectorise(self.cpu.tier, finish);
    }
}

struct Finish<'a> {
    sums: &'a [f32],
    bias: Option<&'a [f32]>,
    gate: Option<&'a [f32]>,
    then: Then,
    out: &'a mut [f32],
}

impl Work for Finish<'_> {
    #[inline(always)]
    fn run(self) {
        let Self {
            sums,
            bias,
            gate,
            then,
            out,
        } = self;
        match (bias, then) {
            (Some(bias), Then::Add) => {
                let both = sums.iter().zip(bias);
                out.iter_mut()
                    .zip(both)
                    .for_each(|(out, (sum, bias))| *out += sum + bias);
                return;
            }
            (None, Then::Add) => {
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                return;
            }
            (Some(bias), _) => {
                let both = sums.iter().zip(bias);
                out.iter_mut()
                    .zip(both)
                    .for_each(|(out, (sum, bias))| *out = sum + bias);
            }
            (None, _) => out.copy_from_slice(sums),
        }
        if let Some(gate) = gate {
            for (out, gate) in out.iter_mut().zip(gate) {
                *out *= elementwise::silu(*gate);
            }
        }
        if let Then::Gelu(kind) = then {
            elementwise::gelu_of(kind, out);
        }
    }
}
