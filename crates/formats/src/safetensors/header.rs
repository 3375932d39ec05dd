//! The header of a safetensors file, believed only after it has been checked.
//!
//! Beyond the JSON being well formed: the stated length lies inside the file and under a cap; every
//! dtype is known; every shape's size, computed without overflow, equals the bytes its offsets give;
//! the tensors cover the rest of the file exactly, each byte once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::error::shown;
use crate::unique_map::UniqueMap;
use crate::{Dtype, Error, TensorFault};

/// A released checkpoint of 1,058 tensors needs 130 kB.
const LONGEST_HEADER: u64 = 16 << 20;
/// The released checkpoints have at most five axes.
const MOST_AXES: usize = 8;
const LENGTH_BYTES: usize = 8;
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// Where one tensor lies, counted from the start of the file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) range: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Header {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Header {
    /// Reads and checks the header of `bytes`, the whole file; `file` is named in errors.
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        let (json, data_start) = split(file, bytes)?;
        let written: Written =
            serde_json::from_slice(json).map_err(|source| Error::HeaderNotJson {
                file: file.to_owned(),
                source,
            })?;

        let mut entries = BTreeMap::new();
        for (name, entry) in written.entries {
            let entry = check_entry(file, &name, &entry)?;
            entries.insert(name, entry);
        }
        check_cover(file, &entries, bytes.len() - data_start)?;
        for entry in entries.values_mut() {
            // Cannot overflow: check_cover has shown that all ends lie inside the file.
            entry.range = entry.range.start + data_start..entry.range.end + data_start;
        }
        Ok(Self {
            entries,
            metadata: written.metadata,
        })
    }
}

/// The JSON text, and where the data begins.
fn split<'a>(file: &str, bytes: &'a [u8]) -> Result<(&'a [u8], usize), Error> {
    if bytes.starts_with(LFS_POINTER) {
        return Err(Error::GitLfsPointer {
            file: file.to_owned(),
        });
    }
    let truncated = |want| Error::Truncated {
        file: file.to_owned(),
        have: bytes.len() as u64,
        want,
    };
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(truncated(LENGTH_BYTES as u64));
    };
    let length = u64::from_le_bytes(*length);
    if length > LONGEST_HEADER {
        let file = file.to_owned();
        return Err(Error::HeaderTooLong {
            file,
            length,
            limit: LONGEST_HEADER,
        });
    }
    // Fits: the cap is far below any usize.
    let json = rest
        .get(..length as usize)
        .ok_or_else(|| truncated(length + LENGTH_BYTES as u64))?;
    Ok((json, LENGTH_BYTES + json.len()))
}

/// One tensor by itself: known dtype, few axes, and exactly the bytes its shape needs.
fn check_entry(file: &str, name: &str, entry: &WrittenEntry) -> Result<Entry, Error> {
    let fault = |fault| Error::Tensor {
        file: file.to_owned(),
        tensor: shown(name),
        fault,
    };
    let dtype = Dtype::from_name(&entry.dtype).ok_or_else(|| Error::UnsupportedDtype {
        file: file.to_owned(),
        tensor: shown(name),
        dtype: shown(&entry.dtype),
    })?;
    if entry.shape.len() > MOST_AXES {
        return Err(fault(TensorFault::TooManyAxes(entry.shape.len())));
    }
    let too_large = || fault(TensorFault::SizeOverflow);
    let shape: Vec<usize> = entry
        .shape
        .iter()
        .map(|&side| usize::try_from(side))
        .collect::<Result<_, _>>()
        .map_err(|_| too_large())?;
    let want = dtype.bytes_of(&shape).ok_or_else(too_large)?;

    let [begin, end] = entry.data_offsets;
    let have = end
        .checked_sub(begin)
        .ok_or_else(|| fault(TensorFault::Backwards))?;
    if have != want as u64 {
        return Err(fault(TensorFault::Length {
            have,
            want: want as u64,
        }));
    }
    let begin = usize::try_from(begin).map_err(|_| too_large())?;
    let end = usize::try_from(end).map_err(|_| too_large())?;
    Ok(Entry {
        dtype,
        shape,
        range: begin..end,
    })
}

/// All tensors together: laid end to end they fill the `data_len` bytes after the header.
fn check_cover(
    file: &str,
    entries: &BTreeMap<String, Entry>,
    data_len: usize,
) -> Result<(), Error> {
    let mut in_order: Vec<(&str, &Range<usize>)> = entries
        .iter()
        .map(|(name, entry)| (name.as_str(), &entry.range))
        .collect();
    in_order.sort_by_key(|(_, range)| (range.start, range.end));

    let mut previous_end = 0;
    for (name, range) in in_order {
        let (begin, end) = (range.start as u64, previous_end as u64);
        let fault = match range.start.cmp(&previous_end) {
            std::cmp::Ordering::Equal => {
                previous_end = range.end;
                continue;
            }
            std::cmp::Ordering::Less => TensorFault::Overlap {
                begin,
                previous_end: end,
            },
            std::cmp::Ordering::Greater => TensorFault::Hole {
                begin,
                previous_end: end,
            },
        };
        return Err(Error::Tensor {
            file: file.to_owned(),
            tensor: shown(name),
            fault,
        });
    }
    match data_len.cmp(&previous_end) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Error::Truncated {
            file: file.to_owned(),
            have: data_len as u64,
            want: previous_end as u64,
        }),
        std::cmp::Ordering::Greater => Err(Error::TrailingBytes {
            file: file.to_owned(),
            extra: (data_len - previous_end) as u64,
        }),
    }
}

/// The header as it is written.
struct Written {
    entries: BTreeMap<String, WrittenEntry>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct WrittenEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Written;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut entries = BTreeMap::new();
                let mut metadata = None;
                while let Some(key) = map.next_key::<String>()? {
                    if entries.contains_key(&key) || (key == METADATA && metadata.is_some()) {
                        return Err(A::Error::custom(format!("{} is listed twice", shown(&key))));
                    }
                    if key == METADATA {
                        metadata = Some(map.next_value::<UniqueMap<String>>()?.0);
                    } else {
                        entries.insert(key, map.next_value()?);
                    }
                }
                Ok(Written {
                    entries,
                    metadata: metadata.unwrap_or_default(),
                })
            }
        }

        const METADATA: &str = "__metadata__";
        from.deserialize_map(Object)
    }
}
