//! What the kernels of products are told, and their launches.

use bytemuck::{Pod, Zeroable};
use ops::backend::Gelu;

use super::Into;
use super::choose::{self, Choice};
use super::weight::{CudaLinear, Form, Held};
use crate::backend::Cuda;
use crate::driver::Address;
use crate::half::Half;
use crate::launch::Shape;
use crate::memory::Buffer;

/// Products that one launch can hold.
const MOST_PRODUCTS: usize = 3;

/// Where a weight lies.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Weight {
    values: u64,
    scales: u64,
    units: u64,
}

impl Weight {
    pub(super) fn of(linear: &CudaLinear) -> Self {
        let address = |buffer: &Option<Buffer>| buffer.as_ref().map_or(0, Buffer::address);
        Self {
            values: linear.values.address(),
            scales: address(&linear.scales),
            units: address(&linear.units),
        }
    }
}

/// A product as the kernels know it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Product {
    weight: Weight,
    gate: Weight,
    bias: u64,
    out: u64,
    outputs: u32,
    spans: u32,
    form: u32,
    then: u32,
    out_pitch: u32,
    unused: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Products {
    x: u64,
    parts: u64,
    counters: u64,
    of: [Product; MOST_PRODUCTS],
    rows: u32,
    x_pitch: u32,
    count: u32,
    splits: u32,
}

/// A product that is asked for.
pub(super) struct Asked<'a> {
    weight: &'a CudaLinear,
    gate: Option<&'a CudaLinear>,
    out: Address,
    rows: usize,
    columns: usize,
    out_pitch: usize,
    then: u32,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        weight: &'a CudaLinear,
        gate: Option<&'a CudaLinear>,
        into: &Into<'_>,
    ) -> Self {
        let of_half = |out: &Half, then| (out.address, out.rows, out.columns, out.pitch(), then);
        let (out, rows, columns, out_pitch, then) = match into {
            Into::Float(out) => (out.address(), out.rows(), out.columns(), out.columns(), 0),
            Into::AddTo(out) => (out.address(), out.rows(), out.columns(), out.columns(), 1),
            Into::Half(out) => of_half(out, 2),
            Into::Gelu(Gelu::Tanh, out) => of_half(out, 3),
            Into::Gelu(Gelu::Erf, out) => of_half(out, 4),
        };
        Self {
            weight,
            gate,
            out,
            rows,
            columns,
            out_pitch,
            then,
        }
    }

    pub(super) fn form(&self) -> Form {
        let form = |linear: &CudaLinear| match linear.held {
            Held::Spans(form) => form,
            Held::Plain(_) => panic!("weights of float32 arithmetic meet float32 only"),
        };
        let own = form(self.weight);
        if let Some(gate) = self.gate {
            assert_eq!(
                (gate.outputs, gate.inputs, form(gate)),
                (self.weight.outputs, self.weight.inputs, own),
                "a gate of the shape and form of what it scales"
            );
        }
        own
    }

    pub(super) fn spans(&self) -> usize {
        self.form().spans(self.weight.inputs)
    }

    /// Blocks along the outputs, so many of which (the gate's counted) are one block's.
    pub(super) fn blocks(&self, outputs: usize) -> usize {
        let own = match self.gate {
            Some(_) => outputs / 2,
            None => outputs,
        };
        self.weight.outputs.div_ceil(own)
    }

    pub(super) fn gated(&self) -> bool {
        self.gate.is_some()
    }

    fn check(&self, x: Half) {
        assert_eq!(
            (x.columns, self.columns, self.rows),
            (self.weight.inputs, self.weight.outputs, x.rows),
            "shapes of a product"
        );
        assert!(x.columns > 0, "a product of at least one input");
    }

    fn product(&self) -> Product {
        Product {
            weight: Weight::of(self.weight),
            gate: self.gate.map_or(Weight::zeroed(), Weight::of),
            bias: self.weight.bias.as_ref().map_or(0, Buffer::address),
            out: self.out,
            outputs: self.weight.outputs as u32,
            spans: self.spans() as u32,
            form: self.form() as u32,
            then: self.then,
            out_pitch: self.out_pitch as u32,
            unused: 0,
        }
    }
}

/// Launches that give some products of one input.
pub(super) struct Plan(Vec<(Choice, Products)>);

impl Plan {
    pub(super) fn new(cuda: &Cuda, x: Half, asked: &[Asked<'_>]) -> Self {
        let mut plan = Vec::new();
        let mut launch = |asked: &[&Asked<'_>]| {
            for asked in asked.chunks(MOST_PRODUCTS) {
                let choice = choose::kernel(cuda.driver().properties(), x.rows, asked);
                let mut products = Products {
                    x: 0,
                    parts: 0,
                    counters: 0,
                    of: [Product::zeroed(); MOST_PRODUCTS],
                    rows: x.rows as u32,
                    x_pitch: x.pitch() as u32,
                    count: asked.len() as u32,
                    splits: choice.grid[2],
                };
                for (to, asked) in products.of.iter_mut().zip(asked) {
                    asked.check(x);
                    *to = asked.product();
                }
                plan.push((choice, products));
            }
        };
        if x.rows == 0 {
            return Self(plan);
        }
        if x.rows <= choose::FEW_ROWS {
            launch(&asked.iter().collect::<Vec<_>>());
        } else {
            // The kernels for many rows know one form each.
            for form in Form::ALL {
                let of_form: Vec<_> = asked.iter().filter(|asked| asked.form() == form).collect();
                launch(&of_form);
            }
        }
        Self(plan)
    }

    /// Bytes that the parts of sums take.
    pub(super) fn room(&self) -> u64 {
        let rooms = self.0.iter().map(|(choice, _)| choice.parts_bytes);
        rooms.max().unwrap_or(0)
    }

    /// Starts them. `room`: as many bytes as [`Self::room`] says.
    pub(super) fn start(self, cuda: &Cuda, x: Address, room: Address) {
        for (choice, mut products) in self.0 {
            products.x = x;
            if choice.parts_bytes > 0 {
                products.parts = room;
                products.counters = cuda.counters(choice.grid[0] as usize);
            }
            let shape = Shape {
                grid: choice.grid,
                threads: choice.threads,
                shared: choice.shared,
            };
            cuda.launch(choice.kernel, shape, &products);
        }
    }
}
