//! Emulated GPUs where the engine looks for some.

use std::sync::Arc;

use cuda::{Driver, DriverError};
use cuda_emulator::Emulator;
use placement::{Card, Found, Gpus};

/// Emulated cards, each with what it says is free.
pub struct Emulated(pub Vec<(Arc<Emulator>, u64)>);

impl Emulated {
    /// A card for each of these sizes.
    pub fn new(free: &[u64]) -> Self {
        let card = |&free: &u64| (Arc::new(Emulator::new(free)), free);
        Self(free.iter().map(card).collect())
    }

    /// The first of them.
    pub fn emulator(&self) -> Arc<Emulator> {
        Arc::clone(&self.0[0].0)
    }
}

impl Gpus for Emulated {
    fn look(&self) -> Found {
        let cards = self.0.iter().zip(0..);
        Found {
            driver: Some((12, 4)),
            fault: None,
            cards: cards
                .map(|((emulator, free), ordinal)| Card {
                    ordinal,
                    name: format!("emulated card {ordinal}"),
                    compute: emulator.properties().compute,
                    memory: *free,
                    free: *free,
                    unusable: None,
                })
                .collect(),
        }
    }

    fn open(&self, ordinal: u32) -> Result<Arc<dyn Driver>, DriverError> {
        let (emulator, _) = self
            .0
            .get(ordinal as usize)
            .ok_or_else(|| DriverError::failed("taking a device", "there is none"))?;
        Ok(Arc::clone(emulator) as Arc<dyn Driver>)
    }
}
