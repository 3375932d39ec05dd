//! What a step says to every device: row numbers, page tables. The values stay on the host and go to a device when it
//! first asks for them. Parameters, which come without a name, go the same way.

use std::cell::{Ref, RefCell};
use std::sync::OnceLock;

use formats::Tensor as FileTensor;
use ops::backend::give_up;
use ops::step::Sequence;

use super::own::{Member, Own, OwnIndices, OwnParameter, OwnSequences};
use super::{Composite, on};

/// Values, and what devices hold of them.
pub struct Listed<V, O> {
    values: V,
    on: RefCell<Vec<Option<O>>>,
}

/// Row numbers, ids or slots.
pub type Indices = Listed<Vec<u32>, OwnIndices>;
/// Page tables and row spans.
pub type Sequences = Listed<Vec<Sequence>, OwnSequences>;

/// A norm's weights, the position table.
pub struct Parameter {
    values: FileTensor,
    on: Vec<OnceLock<OwnParameter>>,
}

impl<V, O> Listed<V, O> {
    pub(super) fn new(devices: usize, values: V) -> Self {
        let on = std::iter::repeat_with(|| None).take(devices).collect();
        Self {
            values,
            on: RefCell::new(on),
        }
    }

    /// What the device holds, made where it holds nothing yet.
    fn at(&self, at: usize, make: impl FnOnce(&V) -> O) -> Ref<'_, O> {
        if self.on.borrow()[at].is_none() {
            let made = make(&self.values);
            self.on.borrow_mut()[at] = Some(made);
        }
        Ref::map(self.on.borrow(), |on| {
            on[at].as_ref().expect("it was just made")
        })
    }

    fn take(&self, at: usize, make: impl FnOnce(&V) -> O) -> O {
        let held = self.on.borrow_mut()[at].take();
        held.unwrap_or_else(|| make(&self.values))
    }
}

impl<V, C, G> Listed<V, Own<C, G>> {
    /// Lays back what was taken.
    pub(super) fn put<M: Member>(&self, at: usize, own: M::Of<C, G>) {
        self.on.borrow_mut()[at] = Some(M::wrap(own));
    }
}

impl Parameter {
    pub(super) fn new(devices: usize, values: &FileTensor) -> Self {
        Self {
            values: values.clone(),
            on: std::iter::repeat_with(OnceLock::new)
                .take(devices)
                .collect(),
        }
    }
}

impl Composite {
    fn make_indices(&self, at: usize, values: &[u32]) -> OwnIndices {
        let made = on!(self, at, member: M => member.indices(values).map(M::wrap));
        made.unwrap_or_else(|error| give_up(error))
    }

    fn make_sequences(&self, at: usize, values: &[Sequence]) -> OwnSequences {
        let made = on!(self, at, member: M => member.sequences(values).map(M::wrap));
        made.unwrap_or_else(|error| give_up(error))
    }

    pub(super) fn indices_at<'a>(&self, indices: &'a Indices, at: usize) -> Ref<'a, OwnIndices> {
        indices.at(at, |values| self.make_indices(at, values))
    }

    pub(super) fn sequences_at<'a>(
        &self,
        sequences: &'a Sequences,
        at: usize,
    ) -> Ref<'a, OwnSequences> {
        sequences.at(at, |values| self.make_sequences(at, values))
    }

    pub(super) fn take_indices<M: Member>(&self, indices: &Indices, at: usize) -> M::Indices {
        M::unwrap(indices.take(at, |values| self.make_indices(at, values)))
    }

    pub(super) fn take_sequences<M: Member>(
        &self,
        sequences: &Sequences,
        at: usize,
    ) -> M::Sequences {
        M::unwrap(sequences.take(at, |values| self.make_sequences(at, values)))
    }

    pub(super) fn parameter_at<'a>(&self, parameter: &'a Parameter, at: usize) -> &'a OwnParameter {
        parameter.on[at].get_or_init(|| {
            let made = on!(self, at, member: M => member.parameter(&parameter.values).map(M::wrap));
            made.unwrap_or_else(|error| give_up(error))
        })
    }
}
