//! Products of many rows. Each task takes up to 64 outputs and some hundred rows (more of both where tiles are
//! multiplied), walks along the inputs in slices that fit the first-level cache, and unpacks what has to be.

use std::cell::RefCell;

use super::{Sharing, Way, way};
use crate::aligned::Aligned;
use crate::kernel::wide::{Block, Steps};
use crate::kernel::{Panels, Rows, amx, wide};
use crate::pack::blocks::Q8;
use crate::pack::{self, GROUP, Kind, PANEL, Packed, Q4_GROUP};

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
const INTS_SLICE: usize = Q8::INPUTS;
const WORDS_SLICE: usize = 128;
const HALVES_SLICE: usize = 128;
const PAIRS_SLICE: usize = 128;
const FLOATS_SLICE: usize = 64;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// What a thread needs for a wide task, made once.
#[derive(Default)]
struct Scratch {
    /// Sums.
    block: Aligned<[f32; 64]>,
    gate: Aligned<[f32; 64]>,
    /// Unpacked panels, [panels][slice].
    unpacked: Aligned<u8>,
    scales: Vec<[f32; PANEL]>,
}

impl Sharing<'_> {
    /// Tasks of some panels and some hundred rows each.
    pub(super) fn wide(&self, tiles: bool) {
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

    /// Some rows by some panels, along all inputs: `[groups of 4 panels][padded rows][64]`.
    fn wide_block<'b>(
        &self,
        weight: &Packed,
        at: At,
        unpacked: &mut Aligned<u8>,
        scales: &mut Vec<[f32; PANEL]>,
        sums: &'b mut Aligned<[f32; 64]>,
    ) -> &'b mut Block {
        let way = way(self.cpu, weight.kind, self.x.rows());
        let count = at.groups().len() * at.padded_rows();
        unpacked.resize(TILES_SLICE * WIDE_PANELS * PANEL * 2);
        if way == Way::WideTiles {
            // Tiles begin with zeros of their own.
            sums.resize(count);
            self.wide_tiles(weight, at, unpacked, sums);
            return sums;
        }
        sums.zero(count);
        scales.resize(WIDE_PANELS * INTS_SLICE / GROUP, [0.0; PANEL]);
        for (group, panel) in at.groups().enumerate() {
            let block = &mut sums[group * at.padded_rows()..][..at.rows];
            let at = at.group(panel);
            match way {
                Way::WideBytes => self.wide_ints(weight, at, false, unpacked, scales, block),
                Way::WideWords => self.wide_ints(weight, at, true, unpacked, scales, block),
                Way::WideHalves => self.wide_halves(weight, at, unpacked, block),
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
        words: bool,
        unpacked: &mut [u8],
        scales: &mut [[f32; PANEL]],
        block: &mut Block,
    ) {
        let (tier, depth) = (self.cpu.tier, weight.depth());
        let x = self.forms.quantised.ints().slice(at.row, at.rows);
        let most = if words { WORDS_SLICE } else { INTS_SLICE };
        let (unpacked, widened) = unpacked.split_at_mut(INTS_SLICE * WIDE_PANELS * PANEL);
        for from in (0..depth).step_by(most) {
            let slice = most.min(depth - from);
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
                    let quads: &[[u8; 4]] = bytemuck::cast_slice(&bytes[Q8::quads_at(from)..]);
                    Panels::new(quads, at.panels, slice / 4, stride / 4)
                }
            };
            if words {
                let out: &mut [[u16; 2]] = bytemuck::cast_slice_mut(widened);
                for (n, out) in out.chunks_exact_mut(2 * quads).take(at.panels).enumerate() {
                    pack::widen(tier, w.panel(n), out);
                }
                let w = Panels::new(out, at.panels, slice / 2, 2 * quads);
                wide::words(tier, x, from, w, scales, block);
            } else {
                wide::bytes(tier, x, from, w, scales, block);
            }
        }
    }

    /// Halves of bytes need neither rounding to bytes nor room as words.
    fn wide_halves(&self, weight: &Packed, at: At, unpacked: &mut [u8], block: &mut Block) {
        let tier = self.cpu.tier;
        let x = self.forms.quantised.ints().slice(at.row, at.rows);
        let mut steps = [Steps::default(); WIDE_PANELS * HALVES_SLICE / Q4_GROUP];
        // Whole slices: q4 is padded to twice as much.
        let (groups, quads) = (HALVES_SLICE / Q4_GROUP, HALVES_SLICE / 4);
        for from in (0..weight.depth()).step_by(HALVES_SLICE) {
            let out: &mut [[[u8; 4]; PANEL]] = bytemuck::cast_slice_mut(unpacked);
            let outs = out.chunks_exact_mut(quads).take(at.panels);
            for (n, (out, steps)) in outs.zip(steps.chunks_exact_mut(groups)).enumerate() {
                pack::expand_halves(tier, weight, at.panel + n, from, out, steps);
            }
            let w = Panels::new(out.as_flattened(), at.panels, quads, quads * PANEL);
            wide::halves(tier, x, from, w, &steps[..at.panels * groups], block);
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
