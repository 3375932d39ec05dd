//! A linear weight on the CPU, and how products over it are shared out.
//!
//! Few rows are limited by memory: each task streams some panels. Many rows are limited by arithmetic: each task
//! takes up to 64 outputs and some hundred rows (more of both where tiles are multiplied), walks along the inputs in
//! slices that fit the first-level cache, unpacks what has to be, and finishes its block (bias, activation, residual)
//! before it leaves the cache.

use std::cell::RefCell;

use ops::{Gelu, HostTensor};

use crate::activations::{Quantised, Rounded, Tiled};
use crate::backend::{Cpu, Precision};
use crate::elementwise;
use crate::kernel::wide::Block;
use crate::kernel::{Panels, Rows, Work, amx, thin, vectorise, wide};
use crate::pack::{self, GROUP, Kind, PANEL, Packed};
use crate::shared_rows::SharedRows;

#[cfg(test)]
mod tests;

/// A weight `[outputs, inputs]` and its bias.
pub struct CpuLinear {
    pub(crate) weight: Packed,
    pub(crate) bias: Option<Vec<f32>>,
}

/// The most rows that are limited by memory rather than arithmetic.
const THIN_ROWS: usize = 8;
/// Rows of a wide task; with its 64 outputs they stay in the second-level cache.
const WIDE_ROWS: usize = 384;
/// Panels of a wide task.
const WIDE_PANELS: usize = 4;
/// Rows and panels of a wide task over tiles. The processor multiplies them so fast that unpacked weights want many
/// rows, and rows many outputs, to be worth their way from memory: a slice of the rows and the sums take 1 MB of a
/// second-level cache of 2 MB. Smaller where there would be too few tasks.
const TILES_TASKS: [(usize, usize); 4] = [(1024, 8), (1024, 4), (512, 4), (256, 4)];
/// Tasks per thread, so that no thread waits long for the last ones.
const TASKS_PER_THREAD: usize = 4;
/// Inputs per slice: four panels of a slice take 16 KB, of tiles twice that (two of them are in use at a time).
const TILES_SLICE: usize = 256;
const INTS_SLICE: usize = 256;
const PAIRS_SLICE: usize = 128;
const FLOATS_SLICE: usize = 64;

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
    WideInts,
    /// As `WidePairs`, in tiles; weights in bytes are unpacked.
    WideTiles,
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
        Kind::Q8 | Kind::Q4 if wide::multiplies_ints(cpu.tier) => Way::WideInts,
        _ => Way::WideFloats,
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
    if ways
        .iter()
        .any(|way| matches!(way, Way::ThinInts | Way::WideInts))
    {
        forms.quantised.fill(cpu.tier, &cpu.pool, x);
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

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// What a thread needs for a wide task, made once.
#[derive(Default)]
struct Scratch {
    /// Sums, 4 lines for the 64 outputs of a row.
    block: Vec<Line>,
    gate: Vec<Line>,
    /// Unpacked panels, [panels][slice].
    unpacked: Vec<Line>,
    scales: Vec<[f32; PANEL]>,
}

/// So that unpacked vectors begin on a cache line.
#[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(64))]
struct Line([u8; 64]);

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
            for panel in first..(first + per_task).min(product.panels()) {
                let mut out = [[0.0; PANEL]; THIN_ROWS];
                self.thin_panel(&product.weight.weight, panel, &mut out[..rows]);
                let mut gate = [[0.0; PANEL]; THIN_ROWS];
                if let Some(weight) = product.gate {
                    self.thin_panel(&weight.weight, panel, &mut gate[..rows]);
                }
                for row in 0..rows {
                    // SAFETY: every panel of every product is in one task.
                    unsafe { self.finish(product, row, panel, &out[row], &gate[row]) };
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

    /// Tasks of some panels and some hundred rows each.
    fn wide(&self, tiles: bool) {
        let rows = self.x.rows();
        let (most_rows, most_panels) = if tiles {
            self.tiles_task()
        } else {
            (WIDE_ROWS, WIDE_PANELS)
        };
        let row_blocks = rows.div_ceil(most_rows);
        // Evenly, in whole tiles.
        let tile_rows = if tiles { 2 * amx::ROWS } else { 6 };
        let per_block = rows.div_ceil(row_blocks).next_multiple_of(tile_rows);
        let tasks = self.cut(most_panels, row_blocks);
        self.cpu.pool.run(tasks.len(), |index| {
            let (product, first, block) = tasks[index];
            let product = &self.products[product];
            let from = (block * per_block).min(rows);
            let at = At {
                panel: first,
                panels: most_panels.min(product.panels() - first),
                row: from,
                rows: per_block.min(rows - from),
            };
            if at.rows == 0 {
                return;
            }
            SCRATCH.with_borrow_mut(|scratch| {
                let Scratch {
                    block,
                    gate,
                    unpacked,
                    scales,
                } = scratch;
                let sums = self.wide_block(&product.weight.weight, at, unpacked, scales, block);
                let gates = product
                    .gate
                    .map(|gate_of| self.wide_block(&gate_of.weight, at, unpacked, scales, gate));
                let none = [0.0; 64];
                for (group, panel) in at.groups().enumerate() {
                    for row in 0..at.rows {
                        let index = group * at.padded_rows() + row;
                        let gate = gates.as_ref().map_or(&none, |gates| &gates[index]);
                        // SAFETY: every block of every product is in one task.
                        unsafe { self.finish(product, at.row + row, panel, &sums[index], gate) };
                    }
                }
            });
        });
    }

    /// Rows and panels of a task over tiles.
    fn tiles_task(&self) -> (usize, usize) {
        let enough = TASKS_PER_THREAD * self.cpu.pool.threads();
        let tasks = |rows: usize, panels: usize| {
            let by_outputs = self.products.iter().map(|p| p.panels().div_ceil(panels));
            by_outputs.sum::<usize>() * self.x.rows().div_ceil(rows)
        };
        let [sizes @ .., smallest] = TILES_TASKS;
        sizes
            .into_iter()
            .find(|(rows, panels)| tasks(*rows, *panels) >= enough)
            .unwrap_or(smallest)
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

    /// Some rows by some panels, along all inputs: `[groups of 4 panels][padded rows][64]`.
    fn wide_block<'b>(
        &self,
        weight: &Packed,
        at: At,
        unpacked: &mut Vec<Line>,
        scales: &mut Vec<[f32; PANEL]>,
        sums: &'b mut Vec<Line>,
    ) -> &'b mut Block {
        let zero: Line = bytemuck::Zeroable::zeroed();
        let way = way(self.cpu, weight.kind, self.x.rows());
        if way != Way::WideTiles {
            // Tiles begin with sums of zero of their own.
            sums.clear();
        }
        sums.resize(4 * at.groups().len() * at.padded_rows(), zero);
        let sums: &mut Block = bytemuck::cast_slice_mut(sums);
        unpacked.resize(TILES_SLICE * WIDE_PANELS * PANEL * 2 / 64, zero);
        let unpacked: &mut [u8] = bytemuck::cast_slice_mut(unpacked);
        if way == Way::WideTiles {
            self.wide_tiles(weight, at, unpacked, sums);
            return sums;
        }
        scales.resize(WIDE_PANELS * INTS_SLICE / GROUP, [0.0; PANEL]);
        for (group, panel) in at.groups().enumerate() {
            let block = &mut sums[group * at.padded_rows()..][..at.rows];
            let at = at.group(panel);
            match way {
                Way::WideInts => self.wide_ints(weight, at, unpacked, scales, block),
                Way::WidePairs => self.wide_pairs(weight, at, block),
                _ => self.wide_floats(weight, at, unpacked, block),
            }
        }
        sums
    }

    fn wide_tiles(&self, weight: &Packed, at: At, unpacked: &mut [u8], sums: &mut Block) {
        let Some(mut unit) = amx::Unit::new(self.cpu.tier) else {
            unreachable!("a way of tiers with tiles")
        };
        let depth = weight.inputs.next_multiple_of(amx::INPUTS);
        for from in (0..depth).step_by(TILES_SLICE) {
            let slice = TILES_SLICE.min(depth - from);
            let x = self.forms.tiled.part(at.row, at.rows, from, slice);
            for (group, panel) in at.groups().enumerate() {
                let at = at.group(panel);
                let w = if weight.kind == Kind::Bf16 {
                    let (bytes, stride) = weight.panels_from(panel);
                    let pairs: &[u32] = bytemuck::cast_slice(&bytes[from * 2 * PANEL..]);
                    Panels::new(pairs, at.panels, slice / 2, stride / 4)
                } else {
                    let out: &mut [[u32; PANEL]] = bytemuck::cast_slice_mut(unpacked);
                    let outs = out.chunks_exact_mut(slice / 2).take(at.panels);
                    for (n, out) in outs.enumerate() {
                        pack::expand_pairs(self.cpu.tier, weight, panel + n, from, out);
                    }
                    Panels::new(out.as_flattened(), at.panels, slice / 2, slice / 2 * PANEL)
                };
                let rows = at.padded_rows();
                unit.product(x, w, from == 0, &mut sums[group * rows..][..rows]);
            }
        }
    }

    fn wide_ints(
        &self,
        weight: &Packed,
        at: At,
        unpacked: &mut [u8],
        scales: &mut [[f32; PANEL]],
        block: &mut Block,
    ) {
        let (tier, depth) = (self.cpu.tier, weight.depth());
        let x = self.forms.quantised.ints().slice(at.row, at.rows);
        for from in (0..depth).step_by(INTS_SLICE) {
            let slice = INTS_SLICE.min(depth - from);
            let (groups, quads) = (slice / GROUP, slice / 4 * PANEL);
            let scales = &mut scales[..at.panels * groups];
            let panels = scales.chunks_exact_mut(groups).enumerate();
            let w = match weight.kind {
                Kind::Q4 => {
                    let out: &mut [[u8; 4]] = bytemuck::cast_slice_mut(unpacked);
                    for ((n, scales), out) in panels.zip(out.chunks_exact_mut(quads)) {
                        let out: &mut [[[u8; 4]; PANEL]] = out.as_chunks_mut().0;
                        pack::expand_bytes(tier, weight, at.panel + n, from, out, scales);
                    }
                    Panels::new(out, at.panels, slice / 4, quads)
                }
                _ => {
                    for (n, scales) in panels {
                        pack::scales_of(weight, at.panel + n, from, scales);
                    }
                    let (bytes, stride) = weight.panels_from(at.panel);
                    let quads: &[[u8; 4]] = bytemuck::cast_slice(&bytes[from * PANEL..]);
                    Panels::new(quads, at.panels, slice / 4, stride / 4)
                }
            };
            wide::ints(tier, x, from, w, scales, block);
        }
    }

    fn wide_pairs(&self, weight: &Packed, at: At, block: &mut Block) {
        let depth = weight.depth();
        let (bytes, stride) = weight.panels_from(at.panel);
        for from in (0..depth).step_by(PAIRS_SLICE) {
            let slice = PAIRS_SLICE.min(depth - from);
            let pairs: &[u32] = bytemuck::cast_slice(&bytes[from * 2 * PANEL..]);
            let w = Panels::new(pairs, at.panels, slice / 2, stride / 4);
            let x = self.forms.rounded.part(at.row, at.rows, from, slice);
            wide::pairs(self.cpu.tier, x, w, block);
        }
    }

    fn wide_floats(&self, weight: &Packed, at: At, unpacked: &mut [u8], block: &mut Block) {
        let (tier, inputs) = (self.cpu.tier, weight.inputs);
        let x = self.x.rows_at(at.row..at.row + at.rows);
        for from in (0..inputs).step_by(FLOATS_SLICE) {
            let slice = FLOATS_SLICE.min(inputs - from);
            let x = Rows::new(&x[from..], at.rows, slice, inputs);
            let w = if weight.kind == Kind::F32 {
                let (bytes, stride) = weight.panels_from(at.panel);
                let values: &[f32] = bytemuck::cast_slice(&bytes[from * 4 * PANEL..]);
                Panels::new(values, at.panels, slice, stride / 4)
            } else {
                let out: &mut [[f32; PANEL]] = bytemuck::cast_slice_mut(unpacked);
                for (n, out) in out
                    .chunks_exact_mut(FLOATS_SLICE)
                    .take(at.panels)
                    .enumerate()
                {
                    let count = FLOATS_SLICE.min(weight.depth() - from);
                    pack::expand_f32(tier, weight, at.panel + n, from, &mut out[..count]);
                }
                let values: &[f32] = out.as_flattened();
                Panels::new(values, at.panels, slice, FLOATS_SLICE * PANEL)
            };
            wide::floats(tier, x, w, block);
        }
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

/// Where a wide task is.
#[derive(Clone, Copy)]
struct At {
    panel: usize,
    panels: usize,
    row: usize,
    rows: usize,
}

impl At {
    /// First panels of the groups of up to 4.
    fn groups(self) -> impl ExactSizeIterator<Item = usize> {
        (self.panel..self.panel + self.panels).step_by(WIDE_PANELS)
    }

    /// One of the groups.
    fn group(self, panel: usize) -> Self {
        Self {
            panel,
            panels: WIDE_PANELS.min(self.panel + self.panels - panel),
            ..self
        }
    }

    /// Rows that sums have room for: whole tiles.
    fn padded_rows(self) -> usize {
        self.rows.next_multiple_of(amx::ROWS)
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
