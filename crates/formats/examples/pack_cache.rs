//! What the cache of packed weights costs on this machine.
//!
//! ```sh
//! cargo run --release -p formats --example pack_cache -- DIRECTORY GIGABYTES [CHECKPOINT]
//! ```
//!
//! Writes an entry of that size to a directory of its own in DIRECTORY, in sections of 20 MB, opens
//! it as the next start would, and removes it. With a CHECKPOINT, the time to know its key is
//! measured too, the first time and the second.
//!
//! To see a start from a cold disk: run it with `KEEP=1`, have the system forget the file
//! (`dd if=FILE iflag=nocache count=0`), and run it again with 0 GIGABYTES, which writes nothing.

#![expect(clippy::print_stdout, reason = "a measurement is there to be read")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use formats::pack::{ContentKey, Opened, PackCache, PackKey};
use formats::{AlignedBytes, Checkpoint};

const SECTION: usize = 20_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(gigabytes)) = (arguments.next(), arguments.next()) else {
        return Err("usage: pack_cache DIRECTORY GIGABYTES [CHECKPOINT]".into());
    };
    let bytes = gigabytes.parse::<f64>()? * 1e9;
    let dir = Path::new(&dir).join("lookdesk-measurement");
    let cache = PackCache::at(&dir);
    let key = PackKey {
        content: ContentKey::from_bytes([0; 32]),
        precision: "measurement".to_owned(),
        layout_version: 0,
    };
    if bytes > 0.0 {
        write(&cache, &key, bytes as usize)?;
    }
    for _ in 0..3 {
        let start = Instant::now();
        let Opened::Ready(packed) = cache.open(&key)? else {
            return Err("the entry is not there".into());
        };
        report("open and check", packed.total_bytes(), start);
    }
    if let Some(checkpoint) = arguments.next() {
        let checkpoint = Checkpoint::open(Path::new(&checkpoint))?;
        for _ in 0..2 {
            let start = Instant::now();
            let hashed_bytes = cache.content_key(&checkpoint).hashed_bytes;
            report("key of the checkpoint", hashed_bytes, start);
        }
    }
    if std::env::var_os("KEEP").is_none() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(())
}

fn write(cache: &PackCache, key: &PackKey, bytes: usize) -> Result<(), Box<dyn Error>> {
    let mut section = AlignedBytes::zeroed(SECTION);
    for (number, byte) in section.iter_mut().enumerate() {
        *byte = ((number * 31) >> 3) as u8;
    }
    let mut writer = cache.create(key, bytes as u64)?;
    let start = Instant::now();
    for number in 0..bytes.div_ceil(SECTION) {
        writer.add(
            &format!("section {number}"),
            "bytes",
            [1, SECTION as u64],
            &section,
        )?;
    }
    report("hash and write", bytes as u64, start);
    let start = Instant::now();
    writer.finish()?;
    report("finish (to the disk)", bytes as u64, start);
    Ok(())
}

fn report(what: &str, bytes: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let gigabytes = bytes as f64 / 1e9;
    println!(
        "{what:<22} {gigabytes:>6.2} GB {seconds:>8.3} s {:>6.2} GB/s",
        gigabytes / seconds
    );
}
