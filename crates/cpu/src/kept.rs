//! Packed weights that outlive the process: taken from a file of an earlier start, or handed to one for the next.
//!
//! Writing happens on a thread of its own while the next weights are packed. That it fails is worth a line to the
//! user and nothing more: the weights are in memory.

use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use formats::Blob;
use formats::pack::{PackError, PackWriter, Packed as PackedFile};
use ops::LinearWeight;

use crate::pack::{Kind, Packed};

/// Where a backend looks for packed weights, and where it leaves them.
#[derive(Default)]
pub(crate) struct Kept(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Nowhere,
    From(PackedFile),
    To {
        entries: Sender<Entry>,
        writer: JoinHandle<Result<(), PackError>>,
    },
}

struct Entry {
    name: String,
    kind: Kind,
    shape: [u64; 2],
    bytes: Blob,
}

impl Kept {
    fn set(&self, state: State) -> State {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut held, state)
    }

    /// From now on weights are looked for in `file` first.
    pub(crate) fn take_from(&self, file: PackedFile) {
        self.set(State::From(file));
    }

    /// From now on weights are also written.
    pub(crate) fn write_to(&self, mut file: PackWriter) -> std::io::Result<()> {
        let (entries, received) = mpsc::channel::<Entry>();
        let write = move || {
            for Entry {
                name,
                kind,
                shape,
                bytes,
            } in received
            {
                file.add(&name, kind.name(), shape, &bytes)?;
            }
            file.finish().map(drop)
        };
        let writer = std::thread::Builder::new()
            .name("keep weights".to_owned())
            .spawn(write)?;
        self.set(State::To { entries, writer });
        Ok(())
    }

    /// All weights are taken: waits until they are written. The weights stay where they are.
    pub(crate) fn finish(&self) -> Result<(), PackError> {
        let State::To { entries, writer } = self.set(State::Nowhere) else {
            return Ok(());
        };
        drop(entries);
        writer
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// A weight as an earlier start packed it, if it did so as `kind`.
    pub(crate) fn find(&self, given: &LinearWeight<'_>, kind: Kind) -> Option<Packed> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State::From(file) = &*held else {
            return None;
        };
        let entry = file.get(given.name)?;
        let [outputs, inputs] = *given.weight.shape() else {
            return None;
        };
        let same = entry.kind == kind.name() && entry.shape == [outputs as u64, inputs as u64];
        same.then(|| Packed::of(kind, outputs, inputs, entry.bytes))?
    }

    /// Hands a weight to the writer, if there is one.
    pub(crate) fn offer(&self, given: &LinearWeight<'_>, packed: &Packed) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::To { entries, .. } = &*held {
            // A writer that has given up says so in `finish`.
            let _ = entries.send(Entry {
                name: given.name.to_owned(),
                kind: packed.kind,
                shape: [packed.outputs as u64, packed.inputs as u64],
                bytes: packed.bytes(),
            });
        }
    }
}
