//! A tensor that lies where it was last written, and on every device that has read it since.

use std::ops::{Deref, Range};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ops::backend::{BackendError, give_up};

use super::own::{Member, OwnTensor};
use super::{Composite, on};

/// Activations `[rows, columns]` on some of the devices. Memory is taken on a device when it is first used there.
pub struct Tensor {
    rows: usize,
    columns: usize,
    /// What it was made with.
    made: [usize; 2],
    copies: RwLock<Copies>,
}

struct Copies {
    /// Values that were given and have not been written since.
    host: Option<Vec<f32>>,
    on: Vec<Option<Held>>,
}

struct Held {
    own: OwnTensor,
    fresh: bool,
}

/// A tensor as one device has it, while somebody reads it.
pub(super) struct Reading<'a> {
    copies: RwLockReadGuard<'a, Copies>,
    at: usize,
}

impl Deref for Reading<'_> {
    type Target = OwnTensor;

    fn deref(&self) -> &OwnTensor {
        &self.copies.on[self.at]
            .as_ref()
            .expect("it was brought")
            .own
    }
}

impl Copies {
    /// From now on only `at` knows the values.
    fn only(&mut self, at: usize) {
        self.host = None;
        for (device, held) in self.on.iter_mut().enumerate() {
            if let Some(held) = held {
                held.fresh = device == at;
            }
        }
    }

    fn fresh(&self) -> Option<usize> {
        let is_fresh = |held: &Option<Held>| held.as_ref().is_some_and(|held| held.fresh);
        self.on.iter().position(is_fresh)
    }
}

impl Tensor {
    pub(super) fn new(devices: usize, rows: usize, columns: usize) -> Self {
        let on = std::iter::repeat_with(|| None).take(devices).collect();
        Self {
            rows,
            columns,
            made: [rows, columns],
            copies: RwLock::new(Copies { host: None, on }),
        }
    }

    /// One thread owns a model's tensors, so nobody waits here. A panic while it was held leaves copies of which each
    /// says itself whether it is fresh.
    fn copies(&self) -> RwLockReadGuard<'_, Copies> {
        self.copies.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn copies_mut(&self) -> RwLockWriteGuard<'_, Copies> {
        self.copies.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_copies(&mut self) -> &mut Copies {
        self.copies
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shape(&mut self, rows: usize, columns: usize) {
        let [made_rows, made_columns] = self.made;
        assert!(
            rows * columns <= made_rows * made_columns,
            "a tensor made for {made_rows} x {made_columns} cannot hold {rows} x {columns}"
        );
        (self.rows, self.columns) = (rows, columns);
    }

    pub(super) fn dimensions(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// A device that knows the values, if any does.
    pub(super) fn place(&self) -> Option<usize> {
        self.copies().fresh()
    }

    pub(super) fn upload(&mut self, values: &[f32]) {
        let count = self.rows * self.columns;
        assert_eq!(count, values.len(), "values for all rows in use");
        let copies = self.own_copies();
        copies.only(usize::MAX);
        copies.host = Some(values.to_vec());
    }
}

impl Composite {
    pub(super) fn download_rows(&self, tensor: &Tensor, rows: Range<usize>) -> Vec<f32> {
        assert!(rows.end <= tensor.rows, "only rows in use can be read");
        let columns = tensor.columns;
        match tensor.place() {
            Some(at) => {
                let held = self.read(tensor, at);
                on!(self, at, member: M => member.download(M::of(&held), rows))
            }
            None => {
                let values = self.host_values(tensor);
                values[rows.start * columns..rows.end * columns].to_vec()
            }
        }
    }

    /// The values where no device knows them: as they were given, or zero.
    fn host_values(&self, tensor: &Tensor) -> Vec<f32> {
        let mut values = tensor.copies().host.clone().unwrap_or_default();
        values.resize(tensor.rows * tensor.columns, 0.0);
        values
    }

    /// A tensor's values on a device, brought there where it does not know them.
    pub(super) fn read<'a>(&self, tensor: &'a Tensor, at: usize) -> Reading<'a> {
        self.bring(tensor, at);
        let copies = tensor.copies();
        Reading { copies, at }
    }

    /// A tensor on a device, to be read and written.
    pub(super) fn change<'a>(&self, tensor: &'a mut Tensor, at: usize) -> &'a mut OwnTensor {
        self.bring(tensor, at);
        let copies = tensor.own_copies();
        copies.only(at);
        let held = copies.on[at].as_mut();
        &mut held.expect("it was brought").own
    }

    /// A tensor on a device, all of it to be written.
    pub(super) fn fill<'a>(&self, tensor: &'a mut Tensor, at: usize) -> &'a mut OwnTensor {
        self.make_room(tensor, at);
        let copies = tensor.own_copies();
        copies.only(at);
        let held = copies.on[at].as_mut();
        &mut held.expect("there is room").own
    }

    /// Takes a tensor off a device, for [`Composite::put`] to lay it back. Meanwhile the device does not have it.
    pub(super) fn take<M: Member>(&self, tensor: &Tensor, at: usize, read: bool) -> M::Tensor {
        match read {
            true => self.bring(tensor, at),
            false => self.make_room(tensor, at),
        }
        let held = tensor.copies_mut().on[at].take();
        M::unwrap(held.expect("there is room").own)
    }

    /// Lays back what was only read.
    pub(super) fn put<M: Member>(&self, tensor: &Tensor, at: usize, own: M::Tensor) {
        let own = M::wrap(own);
        tensor.copies_mut().on[at] = Some(Held { own, fresh: true });
    }

    /// Lays back what was written; it may have got another shape.
    pub(super) fn put_written<M: Member>(
        &self,
        member: &M,
        tensor: &mut Tensor,
        at: usize,
        own: M::Tensor,
    ) {
        (tensor.rows, tensor.columns) = member.dimensions(&own);
        self.put::<M>(tensor, at, own);
        tensor.own_copies().only(at);
    }

    /// Brings the values to a device.
    fn bring(&self, tensor: &Tensor, at: usize) {
        let shape = tensor.dimensions();
        if let Some(held) = &tensor.copies().on[at]
            && held.fresh
            && on!(self, at, member: M => member.dimensions(M::of(&held.own))) == shape
        {
            return;
        }
        self.make_room(tensor, at);
        let place = tensor.place();
        if place == Some(at) {
            return;
        }
        let values = match place {
            Some(_) => self.download_rows(tensor, 0..tensor.rows),
            None => self.host_values(tensor),
        };
        let mut copies = tensor.copies_mut();
        let held = copies.on[at].as_mut().expect("there is room");
        on!(self, at, member: M => member.upload(M::of_mut(&mut held.own), &values));
        held.fresh = true;
    }

    /// Memory on a device, in the shape in use.
    fn make_room(&self, tensor: &Tensor, at: usize) {
        let (rows, columns) = tensor.dimensions();
        let [made_rows, made_columns] = tensor.made;
        let mut copies = tensor.copies_mut();
        let held = copies.on[at].get_or_insert_with(|| {
            let own: Result<_, BackendError> = on!(self, at, member: M => {
                member.tensor(made_rows, made_columns).map(M::wrap)
            });
            let own = own.unwrap_or_else(|error| give_up(error));
            Held { own, fresh: false }
        });
        on!(self, at, member: M => member.shape(M::of_mut(&mut held.own), rows, columns));
    }
}
