//! NVIDIA GPUs: the driver, each card, and why one is passed over.

use nvml_wrapper::Nvml;
use placement::{Found, Gpus, Machine};
use serde::Serialize;

use crate::answerer::nvml;
use crate::quantity::bytes;

/// What was found.
#[derive(Debug, Serialize)]
pub struct GpuFindings {
    /// The driver's own number, such as `550.54.14`; null where there is none or it does not say.
    driver: Option<String>,
    /// The newest CUDA that the driver knows.
    cuda: Option<String>,
    /// Why no GPU can be used at all.
    fault: Option<String>,
    cards: Vec<CardJson>,
}

#[derive(Debug, Serialize)]
struct CardJson {
    /// As `--device cuda:N` names it.
    number: u32,
    name: String,
    compute_capability: String,
    memory_total_bytes: u64,
    memory_free_bytes: u64,
    /// Why it is passed over; null where it can be used.
    passed_over: Option<String>,
}

impl GpuFindings {
    /// Looks at the driver and its devices.
    pub fn look() -> Self {
        let version = |nvml: Nvml| nvml.sys_driver_version().ok();
        Self::of(Machine.look(), nvml().and_then(version))
    }

    fn of(found: Found, driver: Option<String>) -> Self {
        Self {
            driver,
            cuda: found
                .driver
                .map(|(major, minor)| format!("{major}.{minor}")),
            fault: found.fault,
            cards: found
                .cards
                .into_iter()
                .map(|card| CardJson {
                    number: card.ordinal,
                    name: card.name,
                    compute_capability: format!("{}.{}", card.compute.0, card.compute.1),
                    memory_total_bytes: card.memory,
                    memory_free_bytes: card.free,
                    passed_over: card.unusable,
                })
                .collect(),
        }
    }

    /// What was found, in lines: whether it can be used, its name, words.
    pub fn lines(&self) -> Vec<(bool, String, String)> {
        let name = || "NVIDIA driver".to_owned();
        let driver = self.driver.as_deref().unwrap_or("of unknown version");
        let mut lines = Vec::new();
        match (&self.fault, &self.cuda) {
            (Some(fault), _) => lines.push((false, name(), fault.clone())),
            (None, Some(cuda)) => {
                lines.push((true, name(), format!("{driver}, knows CUDA {cuda}")));
            }
            (None, None) => {
                let words = "none found; without an NVIDIA GPU none is needed".to_owned();
                lines.push((false, name(), words));
            }
        }
        for card in &self.cards {
            let words = match &card.passed_over {
                Some(why) => why.clone(),
                None => format!(
                    "{}, compute capability {}, {} free of {}",
                    card.name,
                    card.compute_capability,
                    bytes(card.memory_free_bytes),
                    bytes(card.memory_total_bytes)
                ),
            };
            let name = format!("GPU {}", card.number);
            lines.push((card.passed_over.is_none(), name, words));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use placement::Card;

    use super::*;

    #[test]
    fn every_card_is_named_with_what_it_offers_or_what_it_lacks() {
        let card = |ordinal, name: &str, unusable: Option<&str>| Card {
            ordinal,
            name: name.to_owned(),
            compute: (8, 9),
            memory: 24_000_000_000,
            free: 23_000_000_000,
            unusable: unusable.map(str::to_owned),
        };
        let found = Found {
            driver: Some((12, 4)),
            fault: None,
            cards: vec![
                card(0, "NVIDIA GeForce RTX 4090", None),
                card(1, "Tesla T4", Some("Tesla T4 has compute capability 7.5")),
            ],
        };
        let lines = GpuFindings::of(found, Some("550.54.14".to_owned())).lines();
        assert_eq!(lines[0].2, "550.54.14, knows CUDA 12.4");
        assert!(lines[1].0 && lines[1].2.contains("8.9, 23.0 GB free of 24.0 GB"));
        assert!(!lines[2].0 && lines[2].2.contains("7.5"));
    }

    #[test]
    fn a_machine_without_a_driver_is_told_that_it_needs_none() {
        let lines = GpuFindings::of(Found::default(), None).lines();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].2.contains("none is needed"), "{lines:?}");
    }
}
