//! Where uploaded pictures lie until somebody asks about them.
//!
//! In memory, by hash, bounded by bytes; the picture unused for longest leaves
//! first, and a picture that anybody still holds does not leave at all. The
//! desk uses nothing but `put`, `get` and `remove`, so a store on disk can take the
//! shelf's place.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Picture, PictureId};

/// What a picture costs beyond its bytes, so that very many tiny ones are
/// bounded too.
const OVERHEAD_BYTES: u64 = 512;

/// Every byte of the shelf is held by running answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all room for pictures is in use")]
pub struct ShelfFull;

/// A bounded place for pictures.
pub struct PictureShelf {
    limit_bytes: u64,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    held: HashMap<PictureId, Held>,
    /// Last use -> picture; the first entry is the one unused for longest.
    by_use: BTreeMap<u64, PictureId>,
    used_bytes: u64,
    clock: u64,
}

struct Held {
    picture: Arc<Picture>,
    last_use: u64,
}

impl PictureShelf {
    /// A shelf that never holds more than this, pictures' overhead included.
    pub fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            rows: Mutex::new(Rows::default()),
        }
    }

    /// Lays a picture down, making room by letting unused ones go.
    ///
    /// Bytes that lie here already are not stored twice.
    pub fn put(&self, picture: Picture) -> Result<Arc<Picture>, ShelfFull> {
        let mut rows = self.rows();
        let id = picture.id();
        if let Some(known) = rows.touch(id) {
            return Ok(known);
        }
        let cost = cost(&picture);
        let room_wanted = self.limit_bytes.checked_sub(cost).ok_or(ShelfFull)?;
        rows.shrink_to(room_wanted)?;
        let picture = Arc::new(picture);
        rows.insert(id, picture.clone(), cost);
        Ok(picture)
    }

    /// The picture of this name, which counts as a use.
    pub fn get(&self, id: PictureId) -> Option<Arc<Picture>> {
        self.rows().touch(id)
    }

    /// Takes pictures off the shelf. Whoever holds one keeps it until they are done.
    pub fn remove(&self, ids: &[PictureId]) {
        let mut rows = self.rows();
        for id in ids {
            if let Some(held) = rows.held.remove(id) {
                rows.by_use.remove(&held.last_use);
                rows.used_bytes = rows.used_bytes.saturating_sub(cost(&held.picture));
            }
        }
    }

    /// Bytes in use, overhead included.
    pub fn used_bytes(&self) -> u64 {
        self.rows().used_bytes
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // No code that holds the lock can leave the rows half changed.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn touch(&mut self, id: PictureId) -> Option<Arc<Picture>> {
        let held = self.held.get_mut(&id)?;
        self.by_use.remove(&held.last_use);
        self.clock += 1;
        held.last_use = self.clock;
        self.by_use.insert(self.clock, id);
        Some(held.picture.clone())
    }

    fn insert(&mut self, id: PictureId, picture: Arc<Picture>, cost: u64) {
        self.clock += 1;
        self.by_use.insert(self.clock, id);
        let last_use = self.clock;
        self.held.insert(id, Held { picture, last_use });
        self.used_bytes += cost;
    }

    /// Lets pictures go until at most `wanted_bytes` are in use; removes
    /// nothing when that cannot be reached.
    fn shrink_to(&mut self, wanted_bytes: u64) -> Result<(), ShelfFull> {
        let mut leaving = Vec::new();
        let mut left_bytes = self.used_bytes;
        for (&last_use, &id) in &self.by_use {
            if left_bytes <= wanted_bytes {
                break;
            }
            let Some(held) = self.held.get(&id) else {
                continue;
            };
            // One count is the shelf's own. A new holder can only come
            // through `touch`, behind the lock we hold.
            if Arc::strong_count(&held.picture) == 1 {
                left_bytes = left_bytes.saturating_sub(cost(&held.picture));
                leaving.push((last_use, id));
            }
        }
        if left_bytes > wanted_bytes {
            return Err(ShelfFull);
        }
        for (last_use, id) in leaving {
            self.by_use.remove(&last_use);
            self.held.remove(&id);
        }
        self.used_bytes = left_bytes;
        Ok(())
    }
}

fn cost(picture: &Picture) -> u64 {
    (picture.bytes().len() as u64).saturating_add(OVERHEAD_BYTES)
}

impl std::fmt::Debug for PictureShelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.rows();
        f.debug_struct("PictureShelf")
            .field("pictures", &rows.held.len())
            .field("used_bytes", &rows.used_bytes)
            .field("limit_bytes", &self.limit_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PictureFacts;

    /// A picture of 1000 bytes, overhead included.
    fn picture(mark: u8) -> Picture {
        let facts = PictureFacts {
            media_type: "image/png".into(),
            width: 1,
            height: 1,
            tokens: 1,
        };
        Picture::new(vec![mark; 1000 - OVERHEAD_BYTES as usize], facts)
    }

    fn put(shelf: &PictureShelf, mark: u8) -> PictureId {
        shelf.put(picture(mark)).expect("there is room").id()
    }

    #[test]
    fn the_picture_unused_for_longest_leaves_first() {
        let shelf = PictureShelf::new(2000);
        let (first, second) = (put(&shelf, 1), put(&shelf, 2));
        shelf.get(first).expect("still there");
        let third = put(&shelf, 3);
        assert!(shelf.get(second).is_none());
        assert!(shelf.get(first).is_some());
        assert!(shelf.get(third).is_some());
        assert_eq!(shelf.used_bytes(), 2000);
    }

    #[test]
    fn a_picture_in_use_stays() {
        let shelf = PictureShelf::new(2000);
        let held = shelf.put(picture(1)).expect("there is room");
        let second = put(&shelf, 2);
        put(&shelf, 3);
        assert!(shelf.get(held.id()).is_some());
        assert!(shelf.get(second).is_none());
    }

    #[test]
    fn a_shelf_in_use_to_the_last_byte_says_so_and_loses_nothing() {
        let shelf = PictureShelf::new(3000);
        let held = [1, 2].map(|mark| shelf.put(picture(mark)).expect("there is room"));
        let idle = put(&shelf, 3);
        let facts = held[0].facts().clone();
        let big = Picture::new(vec![9; 2400], facts);
        assert_eq!(shelf.put(big.clone()), Err(ShelfFull));
        assert!(shelf.get(idle).is_some());
        drop(held);
        assert!(shelf.put(big).is_ok());
        assert_eq!(shelf.used_bytes(), 2400 + OVERHEAD_BYTES);
    }

    #[test]
    fn the_same_bytes_are_kept_once() {
        let shelf = PictureShelf::new(2000);
        assert_eq!(put(&shelf, 1), put(&shelf, 1));
        assert_eq!(shelf.used_bytes(), 1000);
    }

    #[test]
    fn a_picture_taken_off_is_found_no_more_and_leaves_its_room() {
        let shelf = PictureShelf::new(2000);
        let held = shelf.put(picture(1)).expect("there is room");
        let second = put(&shelf, 2);
        shelf.remove(&[held.id(), held.id()]);
        assert!(shelf.get(held.id()).is_none());
        assert!(shelf.get(second).is_some());
        assert_eq!(shelf.used_bytes(), 1000);
    }

    #[test]
    fn a_picture_larger_than_the_shelf_is_refused() {
        let shelf = PictureShelf::new(999);
        assert_eq!(shelf.put(picture(1)), Err(ShelfFull));
        assert_eq!(shelf.used_bytes(), 0);
    }
}
