//! Where everything went, in words: for the log, `doctor` and whoever asks.

use crate::plan::{Placement, Share};

/// A device and what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The device.
    pub device: String,
    /// What lies there.
    pub holds: String,
    /// How much memory that takes, and of what.
    pub memory: String,
}

fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e9 => format!("{:.0} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

fn row(share: &Share, total_layers: usize, processor: &str) -> Row {
    let mut holds = Vec::new();
    if share.vision {
        holds.push("reads pictures".to_owned());
    }
    if share.ends {
        holds.push("embedding and head".to_owned());
    }
    match share.layers.len() {
        0 => {}
        all if all == total_layers => holds.push(format!("all {all} layers")),
        1 => holds.push(format!("layer {} of {total_layers}", share.layers.end)),
        _ => holds.push(format!(
            "layers {} to {} of {total_layers}",
            share.layers.start + 1,
            share.layers.end
        )),
    }
    let bytes = share.bytes;
    let parts = [
        ("weights", bytes.weights),
        ("keys and values", bytes.cache),
        ("activations", bytes.activations),
        ("kept free", bytes.reserve),
    ];
    let parts = parts.into_iter().filter(|(_, bytes)| *bytes > 0);
    let parts: Vec<String> = parts
        .map(|(what, bytes)| format!("{what} {}", size(bytes)))
        .collect();
    let of = share.gpu.as_ref();
    let of = of.map_or_else(String::new, |gpu| format!(" of {}", size(gpu.bytes)));
    Row {
        device: share
            .gpu
            .as_ref()
            .map_or_else(|| processor.to_owned(), |gpu| gpu.name.clone()),
        holds: holds.join(", "),
        memory: format!("{}{of}: {}", size(bytes.total()), parts.join(", ")),
    }
}

impl Placement {
    /// A row per device.
    pub fn rows(&self, processor: &str) -> Vec<Row> {
        let layers = self.shares.iter().map(|share| share.layers.len()).sum();
        let shares = self.shares.iter();
        shares.map(|share| row(share, layers, processor)).collect()
    }

    /// The rows as lines.
    pub fn table(&self, processor: &str) -> String {
        let rows = self.rows(processor);
        let width = |of: fn(&Row) -> &str| {
            let widths = rows.iter().map(|row| of(row).chars().count());
            widths.max().unwrap_or(0)
        };
        let (device, holds) = (width(|row| &row.device), width(|row| &row.holds));
        let lines = rows.iter().map(|row| {
            format!(
                "{:device$}  {:holds$}  {}",
                row.device, row.holds, row.memory
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The devices in a few words, such as `NVIDIA GeForce RTX 4090 + CPU`; several of one name are counted.
    pub fn devices(&self, processor: &str) -> String {
        let mut names: Vec<(String, usize)> = Vec::new();
        for row in self.rows(processor) {
            match names.iter_mut().find(|(name, _)| *name == row.device) {
                Some((_, count)) => *count += 1,
                None => names.push((row.device, 1)),
            }
        }
        let words = names.into_iter().map(|(name, count)| match count {
            1 => name,
            _ => format!("{count} x {name}"),
        });
        words.collect::<Vec<_>>().join(" + ")
    }
}
