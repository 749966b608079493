//! A small made-up patch store.

use std::path::{Path, PathBuf};

use areal_formats::{LabelCount, Provenance, STORE_FORMAT, StoreCounts, StoreMeta};
use areal_grid::{Affine, Class, PixelBlock, PixelGrid, PixelState, PixelType, Pixels, Target, Window};
use areal_patches::StoreWriter;
use areal_store::{Footprint, Label, PatchRecord, Split};

const SIDE: usize = 8;

pub const COUNTS: [[usize; 2]; 3] = [[24, 24], [8, 8], [6, 6]];

/// A store of two classes, dark and bright with a pattern, so many patches of each in each split.
pub fn store(folder: &Path, name: &str, counts: [[usize; 2]; 3]) -> PathBuf {
    let path = folder.join(name);
    let crs = areal_raster::crs_from_text("EPSG:32648").unwrap();
    let grid = PixelGrid { crs, transform: Affine::north_up([5e5, 1e6], [10.0, 10.0]), height: SIDE, width: 100_000 };
    let mut writer = StoreWriter::create(&path, true, 2, PixelType::U16, SIDE).unwrap();
    let (mut records, mut footprints) = (Vec::new(), Vec::new());
    for (split, of_split) in Split::ALL.into_iter().zip(counts) {
        for (class, n) in of_split.into_iter().enumerate() {
            for _ in 0..n {
                let id = records.len();
                writer.push(&patch(class, id), &Window::new(0, 0, SIDE, SIDE)).unwrap();
                let corners = grid.corners(&Window::new(0, 10 * id, SIDE, SIDE));
                footprints.push(Footprint { corners: [corners[0], corners[1], corners[2], corners[3]] });
                records.push(PatchRecord {
                    patch_id: id as u64,
                    scene: "made-up".into(),
                    row: 0,
                    col: 10 * id as i64,
                    label: Label::Class([1, 3][class]),
                    label_fraction: 1.0,
                    valid_fraction: 1.0,
                    split,
                    block: 0,
                    group: None,
                });
            }
        }
    }
    writer.finish(&meta(&grid, counts), &records, &footprints).unwrap();
    path
}

/// Brightness by class, with a pattern that is another in each patch.
fn patch(class: usize, id: usize) -> PixelBlock {
    let mut block = PixelBlock::outside(Window::new(0, 0, SIDE, SIDE), 2, PixelType::U16);
    block.states.fill(PixelState::Observed);
    let value = |i: usize| 1000 + 200 * class + (i * (id + 3) * 7919 + id * 104_729) % 150;
    block.pixels = Pixels::U16((0..2 * SIDE * SIDE).map(|i| value(i) as u16).collect());
    block
}

fn meta(grid: &PixelGrid, counts: [[usize; 2]; 3]) -> StoreMeta {
    let class = |code, name: &str| Class { code, name: name.into(), colour: [code, 0, 0] };
    let classes = vec![class(1, "forest"), class(3, "rubber")];
    let count = |(k, class): (usize, &Class)| LabelCount {
        label: class.name.clone(),
        train: counts[0][k] as u64,
        validation: counts[1][k] as u64,
        test: counts[2][k] as u64,
    };
    StoreMeta {
        format: STORE_FORMAT.into(),
        bands: vec!["red".into(), "nir".into()],
        pixel_type: PixelType::U16,
        scaling: None,
        crs: Some(grid.crs.clone()),
        ground_resolution: None,
        patch_size: SIDE,
        scenes: Vec::new(),
        counts: StoreCounts {
            patches: counts.iter().flatten().sum::<usize>() as u64,
            labels: classes.iter().enumerate().map(count).collect(),
            dropped: Vec::new(),
        },
        target: Target::Classes { classes },
        provenance: Provenance {
            made_by: "test".into(),
            command: "tile".into(),
            inputs: Vec::new(),
            settings: serde_json::Value::Null,
            seed: None,
        },
    }
}
