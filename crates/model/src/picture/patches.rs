//! A resized picture cut into the rows that enter the vision tower.
//!
//! Rows go by merge block: block row, block column, then the patches of the block, row by row, so
//! that the patches of one token are neighbours. Inside a row: channel, time, y, x; a still picture
//! is repeated along time. Golden: `tiny-*/pixels.safetensors`.

use super::Size;

/// Sides in patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Patches down.
    pub height: usize,
    /// Patches across.
    pub width: usize,
}

impl Grid {
    /// Patches in all.
    pub fn patches(self) -> usize {
        self.height * self.width
    }

    /// Tokens in all, when `merge` x `merge` patches become one.
    pub fn tokens(self, merge: usize) -> usize {
        self.patches() / (merge * merge)
    }
}

/// A picture as the vision tower takes it.
#[derive(Clone, Debug)]
pub struct Patches {
    /// How the patches lie in the picture.
    pub grid: Grid,
    /// Normalised colours, [patches, channels x time x patch x patch].
    pub values: Vec<f32>,
    /// BLAKE3 of the grid (two little-endian u32) and the resized pixels: equal if and only if the
    /// vision tower would compute the same.
    pub digest: [u8; 32],
}

/// How a picture is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Side of a patch in pixels.
    pub(super) patch: usize,
    /// Side of a merge block in patches.
    pub(super) merge: usize,
    /// Times a still picture is repeated.
    pub(super) frames: usize,
}

impl Cut {
    /// How a picture shown at `size` is cut.
    pub(super) fn grid(self, size: Size) -> Grid {
        Grid {
            height: size.height / self.patch,
            width: size.width / self.patch,
        }
    }
}

impl Patches {
    /// Cuts `pixels` of `size`; `colours` maps each byte of each channel to its value.
    pub(super) fn cut(pixels: &[u8], size: Size, cut: Cut, colours: &[[f32; 256]; 3]) -> Self {
        let grid = cut.grid(size);
        let area = cut.patch * cut.patch;
        let plane = cut.frames * area;
        let mut values = vec![0.0; grid.patches() * 3 * plane];
        let patches = in_merge_order(grid, cut.merge).zip(values.chunks_exact_mut(3 * plane));
        for ((row, column), patch) in patches {
            for y in 0..cut.patch {
                let start = (row * cut.patch + y) * size.width + column * cut.patch;
                let (line, _) = pixels[start * 3..(start + cut.patch) * 3].as_chunks::<3>();
                let planes = patch.chunks_exact_mut(plane).zip(colours);
                for (channel, (plane, colours)) in planes.enumerate() {
                    let out = &mut plane[y * cut.patch..][..cut.patch];
                    for (value, pixel) in out.iter_mut().zip(line) {
                        *value = colours[usize::from(pixel[channel])];
                    }
                }
            }
            for plane in patch.chunks_exact_mut(plane) {
                let (first, others) = plane.split_at_mut(area);
                for frame in others.chunks_exact_mut(area) {
                    frame.copy_from_slice(first);
                }
            }
        }
        let digest = *blake3::Hasher::new()
            .update(&(grid.height as u32).to_le_bytes())
            .update(&(grid.width as u32).to_le_bytes())
            .update(pixels)
            .finalize()
            .as_bytes();
        Self {
            grid,
            values,
            digest,
        }
    }
}

/// Row and column of each patch, by merge block.
fn in_merge_order(grid: Grid, merge: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..grid.height).step_by(merge).flat_map(move |block_row| {
        (0..grid.width)
            .step_by(merge)
            .flat_map(move |block_column| {
                (0..merge).flat_map(move |row| {
                    (0..merge).map(move |column| (block_row + row, block_column + column))
                })
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patches_of_one_token_are_neighbours() {
        let order: Vec<_> = in_merge_order(
            Grid {
                height: 2,
                width: 4,
            },
            2,
        )
        .collect();
        assert_eq!(
            order,
            [
                (0, 0),
                (0, 1),
                (1, 0),
                (1, 1),
                (0, 2),
                (0, 3),
                (1, 2),
                (1, 3)
            ]
        );
    }

    #[test]
    fn a_row_goes_by_channel_then_time_then_line() {
        // A 2 x 2 picture of one patch, no merging, two frames; channel c of pixel p is 10 * c + p.
        let pixels: Vec<u8> = (0..4).flat_map(|p| [p, 10 + p, 20 + p]).collect();
        let mut colours = [[0.0; 256]; 3];
        for channel in &mut colours {
            (0..=255u8).for_each(|v| channel[usize::from(v)] = f32::from(v));
        }
        let size = Size {
            height: 2,
            width: 2,
        };
        let cut = Cut {
            patch: 2,
            merge: 1,
            frames: 2,
        };
        let patches = Patches::cut(&pixels, size, cut, &colours);
        assert_eq!(
            patches.grid,
            Grid {
                height: 1,
                width: 1
            }
        );
        let plane = |base: f32| [base, base + 1.0, base + 2.0, base + 3.0];
        let expected = [
            plane(0.0),
            plane(0.0),
            plane(10.0),
            plane(10.0),
            plane(20.0),
            plane(20.0),
        ];
        assert_eq!(patches.values, expected.concat());
    }
}
