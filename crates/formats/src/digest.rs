//! BLAKE3 of gigabytes, by as many threads as help.
//!
//! The digest of some bytes is the BLAKE3 hash of their length and of the hashes of their pieces of
//! 4 MiB, so the work falls into equal parts whatever the sizes are. It is not the hash that
//! `b3sum` prints.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use blake3::{Hash, Hasher};

/// Bytes hashed in one go. Part of the pack format: another size gives other digests.
const PIECE: usize = 4 << 20;
/// Hashing is as fast as memory well before this many threads.
const MOST_THREADS: usize = 8;

/// The digest of one range of bytes.
pub(crate) fn of(bytes: &[u8]) -> Hash {
    let pieces: Vec<Hash> = of_pieces(&[bytes], &|_, _| {});
    joined(bytes.len(), &pieces)
}

/// The digest of each part. `hashed` is told the part and the range in it after each piece, by
/// whichever thread hashed it.
pub(crate) fn of_parts(
    parts: &[&[u8]],
    hashed: &(dyn Fn(usize, Range<usize>) + Sync),
) -> Vec<Hash> {
    let hashes = of_pieces(parts, hashed);
    let mut rest = hashes.as_slice();
    let mut digests = Vec::with_capacity(parts.len());
    for part in parts {
        let (pieces, after) = rest.split_at(part.len().div_ceil(PIECE));
        digests.push(joined(part.len(), pieces));
        rest = after;
    }
    digests
}

fn joined(len: usize, pieces: &[Hash]) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&(len as u64).to_le_bytes());
    for piece in pieces {
        hasher.update(piece.as_bytes());
    }
    hasher.finalize()
}

/// The hashes of all pieces of all parts, in order.
fn of_pieces(parts: &[&[u8]], hashed: &(dyn Fn(usize, Range<usize>) + Sync)) -> Vec<Hash> {
    let pieces: Vec<(usize, Range<usize>)> = parts
        .iter()
        .enumerate()
        .flat_map(|(part, bytes)| {
            let len = bytes.len();
            (0..len)
                .step_by(PIECE)
                .map(move |at| (part, at..len.min(at + PIECE)))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((part, range)) = pieces.get(number) else {
                return done;
            };
            done.push((number, blake3::hash(&parts[*part][range.clone()])));
            hashed(*part, range.clone());
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(MOST_THREADS).min(pieces.len());
    let mut done = thread::scope(|scope| {
        // A thread the system does not give is not needed: the others take its pieces.
        let helpers: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for helper in helpers {
            match helper.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|&(number, _)| number);
    done.into_iter().map(|(_, hash)| hash).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn parts_have_the_digests_they_have_alone() {
        let bytes: Vec<u8> = (0..2 * PIECE + 5).map(|i| ((i * 7) >> 3) as u8).collect();
        let parts = [&bytes[..], &[], &bytes[1..PIECE + 1], &bytes[..PIECE]];
        let alone: Vec<Hash> = parts.iter().map(|part| of(part)).collect();
        assert_eq!(of_parts(&parts, &|_, _| {}), alone);
        assert_ne!(alone[2], alone[3]);
    }

    #[test]
    fn a_part_is_its_length_and_the_hashes_of_its_pieces() {
        let bytes = vec![3u8; PIECE + 1];
        let mut want = Hasher::new();
        want.update(&(PIECE as u64 + 1).to_le_bytes());
        want.update(blake3::hash(&bytes[..PIECE]).as_bytes());
        want.update(blake3::hash(&bytes[PIECE..]).as_bytes());
        assert_eq!(of(&bytes), want.finalize());
    }

    #[test]
    fn every_byte_is_told_once() {
        let bytes = vec![0u8; 3 * PIECE + 1];
        let told = Mutex::new(Vec::new());
        of_parts(&[&bytes[..5], &bytes], &|part, range| {
            told.lock().unwrap().push((part, range.start, range.end));
        });
        let mut told = told.into_inner().unwrap();
        told.sort_unstable();
        let ends = [PIECE, 2 * PIECE, 3 * PIECE, 3 * PIECE + 1];
        let starts = [0, PIECE, 2 * PIECE, 3 * PIECE];
        let want: Vec<_> = std::iter::once((0, 0, 5))
            .chain(starts.iter().zip(ends).map(|(&start, end)| (1, start, end)))
            .collect();
        assert_eq!(told, want);
    }
}
