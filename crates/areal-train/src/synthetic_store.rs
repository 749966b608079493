//! Small made-up stores to train on.

use std::path::Path;

use areal_formats::{LabelCount, Provenance, STORE_FORMAT, StoreCounts, StoreMeta};
use areal_grid::{Affine, Class, PixelBlock, PixelGrid, PixelState, PixelType, Pixels, Target, Window};
use areal_patches::StoreWriter;
use areal_store::{Footprint, Label, PatchRecord, PatchStore, Split};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Side of a patch.
const SIDE: usize = 8;

/// A store of three classes: stripes, dark noise, bright noise; or of a value that is the mean brightness.
#[derive(Debug, Clone)]
pub(crate) struct SyntheticStore {
    /// Patches of each class to train on.
    pub train: [usize; 3],
    /// Patches of each class to validate on.
    pub validation: [usize; 3],
    /// Patches of each class to test on.
    pub test: [usize; 3],
    /// Deviation of the noise; the classes' brightnesses lie 100 apart.
    pub noise: f64,
    /// A value in place of classes.
    pub value: bool,
    /// Footprints of two splits overlap.
    pub overlap: bool,
}

impl Default for SyntheticStore {
    fn default() -> Self {
        Self { train: [40; 3], validation: [16; 3], test: [16; 3], noise: 30.0, value: false, overlap: false }
    }
}

impl SyntheticStore {
    /// Few patches, for tests of everything but what is learnt.
    pub fn small() -> Self {
        Self { train: [12, 10, 6], validation: [4; 3], test: [2; 3], ..Self::default() }
    }

    /// A rare third class that noise hides in the second.
    pub fn imbalanced() -> Self {
        Self { train: [90, 90, 6], validation: [20; 3], test: [2; 3], noise: 250.0, ..Self::default() }
    }
}

/// Writes the store under `folder` and opens it.
pub(crate) fn store(folder: &Path, settings: &SyntheticStore) -> PatchStore {
    let path = folder.join("store");
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut writer = StoreWriter::create(&path, false, 2, PixelType::U16, SIDE).unwrap();
    let (mut records, mut footprints) = (Vec::new(), Vec::new());
    let grid = grid();
    for (split, counts) in Split::ALL.into_iter().zip([settings.train, settings.validation, settings.test]) {
        for (class, n) in counts.into_iter().enumerate() {
            for _ in 0..n {
                let id = records.len();
                let window = Window::new(0, 0, SIDE, SIDE);
                let level = 100.0 + 200.0 * rng.random::<f64>();
                writer.push(&patch(class, level, settings, &mut rng), &window).unwrap();
                let col = if settings.overlap { 4 * id } else { 10 * id };
                let corners = grid.corners(&Window::new(0, col, SIDE, SIDE));
                footprints.push(Footprint { corners: [corners[0], corners[1], corners[2], corners[3]] });
                records.push(PatchRecord {
                    patch_id: id as u64,
                    scene: "synthetic".into(),
                    row: 0,
                    col: col as i64,
                    label: if settings.value { Label::Value(level) } else { Label::Class([1, 3, 7][class]) },
                    label_fraction: 1.0,
                    valid_fraction: 1.0,
                    split,
                    block: 0,
                    group: None,
                });
            }
        }
    }
    writer.finish(&meta(settings, records.len() as u64), &records, &footprints).unwrap();
    PatchStore::open(&path).unwrap()
}

fn patch(class: usize, level: f64, settings: &SyntheticStore, rng: &mut ChaCha8Rng) -> PixelBlock {
    let mut block = PixelBlock::outside(Window::new(0, 0, SIDE, SIDE), 2, PixelType::U16);
    block.states.fill(PixelState::Observed);
    let values = (0..2 * SIDE * SIDE).map(|i| {
        let col = i % SIDE;
        let base = match class {
            _ if settings.value => 1000.0 + 3.0 * level,
            0 => 1000.0 + if col.is_multiple_of(2) { 300.0 } else { -300.0 },
            1 => 950.0,
            _ => 1050.0,
        };
        let noise: f64 = (0..4).map(|_| rng.random::<f64>() - 0.5).sum::<f64>() * 3f64.sqrt();
        (base + settings.noise * noise).max(0.0) as u16
    });
    block.pixels = Pixels::U16(values.collect());
    block
}

fn grid() -> PixelGrid {
    let crs = areal_raster::crs_from_text("EPSG:32648").unwrap();
    PixelGrid { crs, transform: Affine::north_up([5e5, 1e6], [10.0, 10.0]), height: SIDE, width: 100_000 }
}

fn meta(settings: &SyntheticStore, patches: u64) -> StoreMeta {
    let class = |code, name: &str| Class { code, name: name.into(), colour: [code, 0, 0] };
    let classes = vec![class(1, "field"), class(3, "forest"), class(7, "water")];
    let n = |counts: [usize; 3], k: usize| counts[k] as u64;
    let count = |(k, class): (usize, &Class)| LabelCount {
        label: class.name.clone(),
        train: n(settings.train, k),
        validation: n(settings.validation, k),
        test: n(settings.test, k),
    };
    StoreMeta {
        format: STORE_FORMAT.into(),
        bands: vec!["red".into(), "nir".into()],
        pixel_type: PixelType::U16,
        scaling: None,
        crs: Some(grid().crs),
        ground_resolution: None,
        patch_size: SIDE,
        counts: StoreCounts { patches, labels: classes.iter().enumerate().map(count).collect(), dropped: Vec::new() },
        target: if settings.value {
            Target::Value { name: "wealth".into(), unit: String::new() }
        } else {
            Target::Classes { classes }
        },
        scenes: Vec::new(),
        provenance: Provenance {
            made_by: "test".into(),
            command: "tile".into(),
            inputs: Vec::new(),
            settings: serde_json::Value::Null,
            seed: Some(9),
        },
    }
}
