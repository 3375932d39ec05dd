//! Where each patch of a picture stands: row and column, and where the position table is looked up.
//! Golden: `vision.block_in`.

use crate::config::VisionConfig;
use crate::picture::Grid;

/// Row and column of every patch of a grid, in merge-block order.
pub fn patch_coordinates(grid: Grid, merge: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = (0..grid.height / merge)
        .flat_map(move |row| (0..grid.width / merge).map(move |column| (row, column)));
    blocks.flat_map(move |(block_row, block_column)| {
        (0..merge * merge).map(move |inside| {
            (
                block_row * merge + inside / merge,
                block_column * merge + inside % merge,
            )
        })
    })
}

/// Where each patch looks up its position: four places and their bilinear weights.
pub struct PositionPlaces {
    /// Rows of the position table: upper left, upper right, lower left, lower right.
    pub indices: Vec<[u32; 4]>,
    /// Their weights; they sum to one.
    pub weights: Vec<[f32; 4]>,
}

/// Bilinear, corners aligned: patch i of n looks at `i * (side - 1) / (n - 1)`.
pub fn position_places(config: &VisionConfig, grid: Grid) -> PositionPlaces {
    let side = config.grid_side();
    let along = |index: usize, count: usize| -> (usize, usize, f32) {
        if count <= 1 {
            return (0, 0, 0.0);
        }
        let at = index as f32 * (side - 1) as f32 / (count - 1) as f32;
        let low = (at as usize).min(side - 1);
        (low, (low + 1).min(side - 1), at - low as f32)
    };
    let mut places = PositionPlaces {
        indices: Vec::new(),
        weights: Vec::new(),
    };
    for (row, column) in patch_coordinates(grid, config.spatial_merge_size) {
        let (top, bottom, down) = along(row, grid.height);
        let (left, right, across) = along(column, grid.width);
        let place = |row: usize, column: usize| (row * side + column) as u32;
        places.indices.push([
            place(top, left),
            place(top, right),
            place(bottom, left),
            place(bottom, right),
        ]);
        places.weights.push([
            (1.0 - down) * (1.0 - across),
            (1.0 - down) * across,
            down * (1.0 - across),
            down * across,
        ]);
    }
    places
}
