//! Which GPUs a machine has, and why one is passed over.

use std::sync::Arc;

use cuda::driver::nvidia::{self, Nvidia, Unusable};
use cuda::{Driver, DriverError};

/// A GPU of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The driver's number of it.
    pub ordinal: u32,
    /// In words; may be empty where the device does not answer.
    pub name: String,
    /// Compute capability.
    pub compute: (u32, u32),
    /// Bytes of its memory.
    pub memory: u64,
    /// Bytes that nobody has taken, and what the driver needs for this program's use of it is taken.
    pub free: u64,
    /// Why it cannot be used.
    pub unusable: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The newest CUDA that the driver knows; `None` where there is no driver that can be used.
    pub driver: Option<(i32, i32)>,
    /// Why no GPU can be used at all, where there is a driver. A machine without one has nothing to explain.
    pub fault: Option<String>,
    /// All devices of the driver.
    pub cards: Vec<Card>,
}

impl Found {
    /// Those that can be used.
    pub fn usable(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(|card| card.unusable.is_none())
    }

    /// Why there is none that can be used.
    pub fn why_none(&self) -> String {
        let cards = self.cards.iter().filter_map(|card| card.unusable.clone());
        let all: Vec<String> = self.fault.iter().cloned().chain(cards).collect();
        match (all.is_empty(), self.driver) {
            (false, _) => all.join("; "),
            (true, Some(_)) => "the NVIDIA driver has no device".to_owned(),
            (true, None) => Unusable::NoDriver.to_string(),
        }
    }
}

/// Where GPUs come from: NVIDIA's driver, and in tests an emulator.
pub trait Gpus: Sync {
    /// Looks. Quick where there is no driver.
    fn look(&self) -> Found;

    /// Takes a device.
    fn open(&self, ordinal: u32) -> Result<Arc<dyn Driver>, DriverError>;
}

/// The machine's own.
#[derive(Debug, Clone, Copy)]
pub struct Machine;

impl Gpus for Machine {
    fn look(&self) -> Found {
        let count = match nvidia::count() {
            Ok(count) => count,
            Err(Unusable::NoDriver) => return Found::default(),
            Err(fault) => {
                return Found {
                    fault: Some(fault.to_string()),
                    ..Found::default()
                };
            }
        };
        Found {
            driver: nvidia::driver_version().ok(),
            fault: None,
            cards: (0..count).map(look_at).collect(),
        }
    }

    fn open(&self, ordinal: u32) -> Result<Arc<dyn Driver>, DriverError> {
        Ok(Arc::new(Nvidia::new(ordinal, cuda::ptx::ALL)?))
    }
}

fn look_at(ordinal: u32) -> Card {
    let properties = match nvidia::look_at(ordinal) {
        Ok(properties) => properties,
        Err(fault) => {
            return Card {
                ordinal,
                name: String::new(),
                compute: (0, 0),
                memory: 0,
                free: 0,
                unusable: Some(fault.to_string()),
            };
        }
    };
    let looked = nvidia::usable(&properties).and_then(|()| nvidia::free_memory(ordinal));
    Card {
        ordinal,
        name: properties.name,
        compute: properties.compute,
        memory: properties.memory,
        free: *looked.as_ref().unwrap_or(&0),
        unusable: looked.err().map(|fault| fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(unusable: Option<&str>) -> Card {
        Card {
            ordinal: 0,
            name: "a card".to_owned(),
            compute: (8, 9),
            memory: 8 << 30,
            free: 7 << 30,
            unusable: unusable.map(str::to_owned),
        }
    }

    #[test]
    fn why_no_gpu_is_used_is_said_of_each() {
        let found = |cards, driver| Found {
            driver,
            fault: None,
            cards,
        };
        let driver = Some((12, 4));
        assert_eq!(found(vec![], None).why_none(), "no NVIDIA driver was found");
        assert_eq!(
            found(vec![], driver).why_none(),
            "the NVIDIA driver has no device"
        );
        let two = found(vec![card(Some("too old")), card(Some("silent"))], driver);
        assert_eq!(two.why_none(), "too old; silent");
        assert_eq!(two.usable().count(), 0);
        assert_eq!(found(vec![card(None)], driver).usable().count(), 1);
    }

    #[test]
    fn a_machine_without_a_driver_has_nothing_to_explain() {
        let found = Machine.look();
        if found.driver.is_none() && found.fault.is_none() {
            assert_eq!(found, Found::default());
            assert!(Machine.open(0).is_err());
        }
    }
}
