//! Cells that have no place on the Earth: beyond the rim of a map projection, or of a pole.

use areal_grid::{PixelState, Window, WindowAreas};

use crate::{WindowCells, WindowData};

/// Marks the cells of a window that have no place on the Earth as outside. Returns how many of them held something.
pub(crate) fn put_outside(window: &Window, areas: &WindowAreas, data: &mut WindowData) -> u64 {
    let mut row_areas = vec![0.0; window.width];
    let mut held = 0;
    for row in 0..window.height {
        areas.fill_row(window.row + row, window.col, &mut row_areas);
        for (col, _) in row_areas.iter().enumerate().filter(|(_, area)| **area == 0.0) {
            held += u64::from(put_cell_outside(row * window.width + col, data));
        }
    }
    held
}

/// True when the cell held something.
fn put_cell_outside(cell: usize, data: &mut WindowData) -> bool {
    let mut held = false;
    let mut put = |state: &mut PixelState| {
        held |= *state == PixelState::Observed;
        *state = PixelState::Outside;
    };
    match &mut data.cells {
        WindowCells::Classes { states, probabilities, .. } => {
            put(&mut states[cell]);
            for plane in probabilities {
                plane[cell] = f32::NAN;
            }
        }
        WindowCells::Values { bands, .. } => {
            for (_, states) in bands {
                put(&mut states[cell]);
            }
        }
    }
    if let Some(states) = &mut data.states {
        put(&mut states[cell]);
    }
    if let Some(shares) = &mut data.shares {
        shares.observed[cell] = 0.0;
        let [nodata, masked, outside] = &mut shares.unobserved;
        (nodata[cell], masked[cell], outside[cell]) = (0.0, 0.0, 1.0);
    }
    held
}
