//! Room for values that begin on a cache line: a vector or a row of a tile then never lies across two.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

#[derive(Clone, Copy, Zeroable, Pod)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Some values. `T` is smaller than a line or whole lines.
pub(crate) struct Aligned<T> {
    lines: Vec<Line>,
    count: usize,
    of: PhantomData<T>,
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            count: 0,
            of: PhantomData,
        }
    }
}

impl<T: Pod> Aligned<T> {
    /// Makes room for `count` values. They are what was there before, or zero.
    pub(crate) fn resize(&mut self, count: usize) {
        let lines = (count * size_of::<T>()).div_ceil(64);
        self.lines.resize(lines, Line::zeroed());
        self.count = count;
    }

    /// Makes room for `count` zeros.
    pub(crate) fn zero(&mut self, count: usize) {
        self.lines.clear();
        self.resize(count);
    }
}

impl<T: Pod> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let bytes: &[u8] = bytemuck::cast_slice(&self.lines);
        bytemuck::cast_slice(&bytes[..self.count * size_of::<T>()])
    }
}

impl<T: Pod> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines);
        bytemuck::cast_slice_mut(&mut bytes[..self.count * size_of::<T>()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_begins_on_a_cache_line_and_holds_as_many_values_as_were_asked_for() {
        let mut room = Aligned::<[f32; 3]>::default();
        assert!(room.is_empty());
        for count in [1, 7, 1000, 3] {
            room.zero(count);
            assert_eq!(room.len(), count);
            assert_eq!(room.as_ptr().addr() % 64, 0);
            assert!(room.iter().all(|value| *value == [0.0; 3]));
            room[count - 1] = [1.0; 3];
            room.resize(count + 1);
            assert_eq!(room[count - 1], [1.0; 3]);
        }
    }
}
