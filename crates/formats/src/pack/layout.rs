//! How a file of packed weights lies on disk.
//!
//! ```text
//! 0      header, 4096 bytes, little-endian:
//!        0..8      "lookpack"
//!        8..12     version of this format, u32
//!        12..16    zero
//!        16..48    digest of the key
//!        48..56    where the table begins, u64
//!        56..64    length of the table, u64
//!        64..96    digest of the table
//!        96..4064  zero
//!        4064..    BLAKE3 hash of the bytes before it
//! 4096   sections in the order of the table, back to back; each is followed by zeros up to the next
//!        multiple of 64
//! then   table: JSON, [{"name", "kind", "shape": [u64, u64], "bytes": u64, "digest": hex}, ...]
//! ```
//!
//! Nothing follows the table. Digests of table and sections are those of [`crate::digest`]. Where a
//! section begins follows from the lengths before it, so sections cannot overlap, and every byte of
//! the file is covered by a digest or known to be zero. The header is written last.

use blake3::Hash;
use serde::{Deserialize, Serialize};

use super::Damage;
use crate::AlignedBytes;
use crate::digest;

/// Raised with any change above, or in how a digest is made.
pub(super) const FORMAT_VERSION: u32 = 1;
/// The first section begins on a page of its own.
pub(super) const HEADER_LEN: usize = 4096;

const MAGIC: &[u8; 8] = b"lookpack";
const HASHED_LEN: usize = HEADER_LEN - blake3::OUT_LEN;

/// Where the table is, and whose file this is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key: Hash,
    pub(super) table_at: u64,
    pub(super) table_len: u64,
    pub(super) table_digest: Hash,
}

/// One line of the table.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) shape: [u64; 2],
    pub(super) bytes: u64,
    #[serde(with = "hex")]
    pub(super) digest: Hash,
}

impl Header {
    /// The header of a file whose sections end at `table_at`.
    pub(super) fn new(key: Hash, table_at: u64, table: &[u8]) -> Self {
        Self {
            key,
            table_at,
            table_len: table.len() as u64,
            table_digest: digest::of(table),
        }
    }

    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..48].copy_from_slice(self.key.as_bytes());
        bytes[48..56].copy_from_slice(&self.table_at.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.table_len.to_le_bytes());
        bytes[64..96].copy_from_slice(self.table_digest.as_bytes());
        let hash = blake3::hash(&bytes[..HASHED_LEN]);
        bytes[HASHED_LEN..].copy_from_slice(hash.as_bytes());
        bytes
    }

    /// The header of the file `bytes`, whose length is the one the header gives.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let have = bytes.len() as u64;
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(Damage::NoHeader { have });
        };
        if !header.starts_with(MAGIC) {
            return Err(Damage::NotAPack);
        }
        let version = u32::from_le_bytes(field(header, 8));
        if version != FORMAT_VERSION {
            return Err(Damage::Version { have: version });
        }
        let hash = Hash::from_bytes(field(header, HASHED_LEN));
        if hash != blake3::hash(&header[..HASHED_LEN]) {
            return Err(Damage::Header);
        }
        let decoded = Self {
            key: Hash::from_bytes(field(header, 16)),
            table_at: u64::from_le_bytes(field(header, 48)),
            table_len: u64::from_le_bytes(field(header, 56)),
            table_digest: Hash::from_bytes(field(header, 64)),
        };
        match decoded.table_at.checked_add(decoded.table_len) {
            Some(want) if want == have => Ok(decoded),
            Some(want) => Err(Damage::Length { have, want }),
            None => Err(Damage::Header),
        }
    }

    /// The lines of the table in `bytes`, the file this header was decoded from.
    pub(super) fn table(&self, bytes: &[u8]) -> Result<Vec<Section>, Damage> {
        let table = usize::try_from(self.table_at)
            .ok()
            .and_then(|at| bytes.get(at..))
            .ok_or(Damage::Header)?;
        if digest::of(table) != self.table_digest {
            return Err(Damage::Table);
        }
        serde_json::from_slice(table).map_err(|_| Damage::Table)
    }
}

fn field<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[at..at + N]);
    bytes
}

/// Zeros after a section of `len` bytes.
pub(super) fn padding(len: u64) -> usize {
    const ALIGN: u64 = AlignedBytes::ALIGN as u64;
    ((ALIGN - len % ALIGN) % ALIGN) as usize
}

mod hex {
    use blake3::Hash;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hash.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(from)?;
        Hash::from_hex(text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back() {
        let header = Header::new(blake3::hash(b"key"), 8192, b"[]");
        let mut file = header.encode().to_vec();
        file.resize(8192, 0);
        file.extend(b"[]");
        assert_eq!(Header::decode(&file).unwrap(), header);
        assert!(header.table(&file).unwrap().is_empty());
    }

    #[test]
    fn a_table_before_the_start_or_beyond_all_numbers_is_refused() {
        for (table_at, table_len) in [(u64::MAX, 2), (u64::MAX, u64::MAX), (0, 0), (1 << 40, 2)] {
            let header = Header {
                table_at,
                table_len,
                ..Header::new(blake3::hash(b"key"), 0, b"[]")
            };
            assert!(Header::decode(&header.encode()).is_err());
        }
    }

    #[test]
    fn a_section_is_filled_up_to_a_line() {
        assert_eq!([0, 1, 63, 64, 65].map(padding), [0, 63, 1, 0, 63]);
    }
}
