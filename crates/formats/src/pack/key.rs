//! What an entry of the cache is found by.

use std::fmt;

use blake3::{Hash, Hasher};

use super::layout::FORMAT_VERSION;

/// Which weights: two checkpoints with the same key have the same tensors, bit for bit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentKey(blake3::Hash);

impl ContentKey {
    /// A key that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Hash::from_bytes(bytes))
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for ContentKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ContentKey({})", self.0)
    }
}

/// Which packing of which weights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackKey {
    /// The weights.
    pub content: ContentKey,
    /// What they were packed into, such as `q4-amx`. It must tell apart whatever the same version
    /// of the layout packs differently: the precision, and the instruction tier if layouts differ.
    pub precision: String,
    /// Raised by the packer whenever the bytes it makes of the same weights change.
    pub layout_version: u32,
}

impl PackKey {
    /// All of it in 32 bytes.
    pub(super) fn digest(&self) -> Hash {
        Hasher::new_derive_key("lookdesk 2026-11 key of packed weights")
            .update(&FORMAT_VERSION.to_le_bytes())
            .update(self.content.as_bytes())
            .update(&self.layout_version.to_le_bytes())
            .update(self.precision.as_bytes())
            .finalize()
    }

    /// The file this key is kept in.
    pub(super) fn file_name(&self) -> String {
        let digest = self.digest().to_hex();
        format!("{}.{EXTENSION}", &digest[..32])
    }
}

/// What the names of finished files end with.
pub(super) const EXTENSION: &str = "pack";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_part_of_a_key_counts() {
        let key = |content, precision: &str, layout_version| PackKey {
            content: ContentKey::from_bytes([content; 32]),
            precision: precision.to_owned(),
            layout_version,
        };
        let names: BTreeSet<String> = [
            key(1, "q4", 1),
            key(2, "q4", 1),
            key(1, "q8", 1),
            key(1, "q4", 2),
            key(1, "", 1),
        ]
        .iter()
        .map(PackKey::file_name)
        .collect();
        assert_eq!(names.len(), 5);
        assert!(
            names
                .iter()
                .all(|name| name.len() == 37 && name.ends_with(".pack"))
        );
        assert_eq!(key(1, "q4", 1).file_name(), key(1, "q4", 1).file_name());
    }
}
