//! A store that is written comes back; one that is not whole is refused.

use std::path::Path;

use areal_formats::{LabelCount, Provenance, STORE_FORMAT, StoreCounts, StoreMeta};
use areal_grid::{Affine, Class, PixelBlock, PixelGrid, PixelState, PixelType, Pixels, Target, Window};
use areal_raster::crs_from_text;
use areal_store::files::{LAYER, META, PIXELS, RECORDS, STATES};
use areal_store::{Footprint, Label, PatchRecord, PatchStore, Split};

use crate::{PatchError, StoreWriter, open_store};

fn meta(grid: &PixelGrid, patches: u64) -> StoreMeta {
    let class = |code, name: &str| Class { code, name: name.into(), colour: [code, 0, 0] };
    StoreMeta {
        format: STORE_FORMAT.into(),
        bands: vec!["red".into(), "nir".into()],
        pixel_type: PixelType::I16,
        scaling: None,
        crs: Some(grid.crs.clone()),
        ground_resolution: None,
        patch_size: 2,
        target: Target::Classes { classes: vec![class(1, "forest"), class(4, "water")] },
        scenes: Vec::new(),
        counts: StoreCounts {
            patches,
            labels: vec![LabelCount { label: "forest".into(), train: patches, ..Default::default() }],
            dropped: Vec::new(),
        },
        provenance: Provenance {
            made_by: "test".into(),
            command: "tile".into(),
            inputs: Vec::new(),
            settings: serde_json::Value::Null,
            seed: Some(1),
        },
    }
}

/// A store of patches of 2 pixels, two bands, at these columns of one 4 x 10 block whose values count upwards.
fn write(path: &Path, patches: &[(usize, Split)]) -> Result<(), PatchError> {
    let crs = crs_from_text("EPSG:32615").unwrap();
    let grid = PixelGrid { crs, transform: Affine::north_up([5e5, 1e6], [30.0, 30.0]), height: 4, width: 10 };
    let mut block = PixelBlock::outside(grid.window(), 2, PixelType::I16);
    block.pixels = Pixels::I16((0..80).map(|v| v - 40).collect());
    block.states.fill(PixelState::Observed);
    block.states[1] = PixelState::Masked;
    let mut writer = StoreWriter::create(path, false, 2, PixelType::I16, 2)?;
    let (mut records, mut footprints) = (Vec::new(), Vec::new());
    for (i, (col, split)) in patches.iter().enumerate() {
        let window = Window::new(1, *col, 2, 2);
        writer.push(&block, &window)?;
        let corners = grid.corners(&window);
        footprints.push(Footprint { corners: [corners[0], corners[1], corners[2], corners[3]] });
        records.push(PatchRecord {
            patch_id: i as u64,
            scene: "a".into(),
            row: 1,
            col: *col as i64,
            label: Label::Class(4),
            label_fraction: 0.75,
            valid_fraction: 1.0,
            split: *split,
            block: 3,
            group: (i == 1).then(|| "field 7".into()),
        });
    }
    writer.finish(&meta(&grid, patches.len() as u64), &records, &footprints)
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    write(&path, &[(0, Split::Train), (4, Split::Test)]).unwrap();
    let store = PatchStore::open(&path).unwrap();
    assert_eq!((store.shape(), store.indices(Split::Test)), ([2, 2, 2, 2], vec![1]));
    let record = &store.records()[1];
    assert_eq!((record.col, record.label, record.split), (4, Label::Class(4), Split::Test));
    assert_eq!((record.label_fraction, record.block, record.group.as_deref()), (0.75, 3, Some("field 7")));
    assert_eq!(store.footprints()[1].bounds(), [5e5 + 120.0, 1e6 - 90.0, 5e5 + 180.0, 1e6 - 30.0]);
    let mut pixels = Pixels::zeros(PixelType::I16, 9);
    let mut states = [PixelState::Outside; 4];
    store.read_into(1, &mut pixels, 1, &mut states).unwrap();
    // Row 1 begins at 10, row 2 at 20; the second band 40 later; all less 40.
    assert_eq!(pixels, Pixels::I16(vec![0, -26, -25, -16, -15, 14, 15, 24, 25]));
    assert_eq!(states, [PixelState::Observed; 4]);
    assert!(store.read_into(2, &mut pixels, 1, &mut states).is_err());
    assert!(store.read_into(1, &mut pixels, 2, &mut states).is_err());
    assert!(store.read_into(1, &mut Pixels::zeros(PixelType::U8, 9), 0, &mut states).is_err());
    store.verify_splits().unwrap();
}

#[test]
fn a_store_whose_splits_share_ground_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    write(&path, &[(0, Split::Train), (4, Split::Train), (5, Split::Test)]).unwrap();
    let message = PatchStore::open(&path).unwrap().verify_splits().unwrap_err().to_string();
    let expected = "patch 1 (scene a, row 1, col 4; train) and patch 2 (scene a, row 1, col 5; test) overlap, \
                    but are in different splits";
    assert_eq!(message, expected);
}

#[test]
fn a_store_that_is_not_whole_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [(PIXELS, "its shape"), (STATES, "its shape"), (RECORDS, "patches.csv"), (META, "line")];
    for (name, said) in cases {
        let path = folder.path().join(name);
        write(&path, &[(0, Split::Train), (4, Split::Train)]).unwrap();
        let file = std::fs::File::options().write(true).open(path.join(name)).unwrap();
        let whole = file.metadata().unwrap().len();
        file.set_len(if name.ends_with("npy") { whole - 3 } else { whole / 2 }).unwrap();
        let error = PatchStore::open(&path).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(name), "{name}: {error}");
        std::fs::remove_file(path.join(name)).unwrap();
        assert!(PatchStore::open(&path).is_err(), "{name} missing");
    }
}

#[test]
fn a_store_of_an_earlier_version_is_read_from_its_layer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    write(&path, &[(0, Split::Train), (5, Split::Test)]).unwrap();
    let store = open_store(&path).unwrap();
    std::fs::remove_file(path.join(RECORDS)).unwrap();
    let earlier = open_store(&path).unwrap();
    assert_eq!((earlier.records(), earlier.footprints()), (store.records(), store.footprints()));
    let error = PatchStore::open(&path).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("patches.csv"), "{error}");
    std::fs::remove_file(path.join(LAYER)).unwrap();
    assert!(open_store(&path).is_err());
}
