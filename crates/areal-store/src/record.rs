//! What is known of a patch.

use areal_grid::Window;
use serde::{Deserialize, Serialize};

use crate::Split;

/// What is known of a patch: its class, or its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// Code of a class of the store's legend.
    Class(u8),
    Value(f64),
}

/// One patch of a store; one row of `patches.gpkg`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchRecord {
    /// Its number, from 0: its index along the first axis of `pixels.npy`.
    pub patch_id: u64,
    /// The scene it was cut from; of an imported image, its file.
    pub scene: String,
    /// Its first row in the scene's pixel grid.
    pub row: i64,
    /// Its first column in the scene's pixel grid.
    pub col: i64,
    pub label: Label,
    /// Share of its pixels (by centre) whose label is the patch's label, 0 to 1; 1 for a point and an imported image.
    pub label_fraction: f64,
    /// Share of its pixels that are observed, 0 to 1.
    pub valid_fraction: f64,
    pub split: Split,
    /// The geographic block that its centre lies in, from 0; -1 where splits were not made by place.
    pub block: i64,
    /// The polygon, cluster or other group that its label came from.
    pub group: Option<String>,
}

impl PatchRecord {
    /// Names the patch in messages.
    pub fn describe(&self) -> String {
        format!("patch {} (scene {}, row {}, col {}; {})", self.patch_id, self.scene, self.row, self.col, self.split)
    }

    /// Its pixels in its scene's grid.
    pub fn window(&self, patch_size: usize) -> Window {
        // Rows and columns are checked not to be negative where records are made and read.
        Window::new(self.row.max(0) as usize, self.col.max(0) as usize, patch_size, patch_size)
    }
}
