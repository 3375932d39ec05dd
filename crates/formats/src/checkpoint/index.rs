//! The index of a sharded checkpoint: which tensor lies in which file.
//!
//! Source: `model.safetensors.index.json` as transformers writes it. Only `weight_map` is used; the
//! sizes under `metadata` are not believed, the shards' own headers are.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::source::Source;
use crate::error::shown;
use crate::unique_map::UniqueMap;
use crate::{Error, Safetensors};

#[derive(Deserialize)]
struct Index {
    weight_map: UniqueMap<String>,
}

/// Opens every shard the index names, and checks that each holds what the index says.
pub(super) fn open_shards(
    source: &Source,
    index_name: &str,
    index: &[u8],
) -> Result<(Vec<Safetensors>, BTreeMap<String, usize>), Error> {
    let file = source.shown_file(index_name);
    let Index { weight_map } =
        serde_json::from_slice(index).map_err(|source| Error::IndexNotJson {
            file: file.clone(),
            source,
        })?;

    let mut shards: Vec<Safetensors> = Vec::new();
    let mut opened: BTreeMap<String, usize> = BTreeMap::new();
    let mut place = BTreeMap::new();
    for (tensor, shard) in weight_map.0 {
        let number = match opened.get(&shard) {
            Some(&number) => number,
            None => {
                if !is_plain_shard_name(&shard) {
                    return Err(Error::ShardName {
                        file,
                        shard: shown(&shard),
                    });
                }
                let weights = source.weights(&shard)?.ok_or_else(|| Error::MissingShard {
                    directory: source.name().to_owned(),
                    shard: shown(&shard),
                })?;
                shards.push(weights);
                opened.insert(shard, shards.len() - 1);
                shards.len() - 1
            }
        };
        if !shards[number].contains(&tensor) {
            return Err(Error::ShardLacksTensor {
                shard: shards[number].file().to_owned(),
                tensor: shown(&tensor),
            });
        }
        place.insert(tensor, number);
    }
    Ok((shards, place))
}

/// Whether `name` can only be a file of the directory itself, on every system.
fn is_plain_shard_name(name: &str) -> bool {
    name.ends_with(".safetensors")
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
}
