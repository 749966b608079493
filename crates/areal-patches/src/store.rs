use std::path::{Path, PathBuf};

use areal_grid::{PixelState, PixelType, Pixels};
use areal_job::read_json;

use crate::footprint::Footprint;
use crate::npy::NpyReader;
use crate::records_layer::read_records;
use crate::{PatchError, PatchRecord, STORE_FORMAT, Split, StoreMeta};

/// Names of the files in a patch store.
pub(crate) const PIXELS: &str = "pixels.npy";
pub(crate) const STATES: &str = "states.npy";
pub(crate) const RECORDS: &str = "patches.gpkg";
pub(crate) const META: &str = "store.json";

/// A patch store opened for reading: labelled patches of one size, bands and pixel type.
///
/// The records are in memory, the pixels stay on disk. Reading needs `&self` only: several threads may fill batches
/// from one store.
#[derive(Debug)]
pub struct PatchStore {
    path: PathBuf,
    meta: StoreMeta,
    records: Vec<PatchRecord>,
    footprints: Vec<Footprint>,
    pixels: NpyReader,
    states: NpyReader,
}

impl PatchStore {
    /// Opens a store and checks that its files belong together.
    ///
    /// # Errors
    /// When a file is missing, truncated, of another format, or at odds with `store.json`.
    pub fn open(path: &Path) -> Result<Self, PatchError> {
        let meta: StoreMeta = read_json(&path.join(META), STORE_FORMAT)?;
        let pixels = NpyReader::open(&path.join(PIXELS), meta.pixel_type)?;
        let states = NpyReader::open(&path.join(STATES), PixelType::U8)?;
        let (records, footprints) = read_records(&path.join(RECORDS), &meta)?;
        let (n, size) = (records.len(), meta.patch_size);
        expect_shape(&path.join(PIXELS), pixels.shape(), &[n, meta.bands.len(), size, size])?;
        expect_shape(&path.join(STATES), states.shape(), &[n, size, size])?;
        if meta.counts.patches != n as u64 {
            let reason = format!("it counts {} patches, but {RECORDS} has {n}", meta.counts.patches);
            return Err(PatchError::Store { path: path.join(META), reason });
        }
        Ok(Self { path: path.to_path_buf(), meta, records, footprints, pixels, states })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the store holds.
    pub fn meta(&self) -> &StoreMeta {
        &self.meta
    }

    /// Number of patches.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True when there is no patch.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Every patch, in the order of `pixels.npy`.
    pub fn records(&self) -> &[PatchRecord] {
        &self.records
    }

    /// The ground that each patch covers, in the store's CRS; empty for imported images.
    pub fn footprints(&self) -> &[Footprint] {
        &self.footprints
    }

    /// Shape of the pixels: patches, bands, rows, columns.
    pub fn shape(&self) -> [usize; 4] {
        [self.len(), self.meta.bands.len(), self.meta.patch_size, self.meta.patch_size]
    }

    /// Indices of the patches of one split, ascending.
    pub fn indices(&self, split: Split) -> Vec<usize> {
        self.records.iter().enumerate().filter(|(_, r)| r.split == split).map(|(i, _)| i).collect()
    }

    /// Reads one patch: its values `[C, H, W]` into `pixels[at..]`, its states `[H, W]` into `states`. A pixel that is
    /// not observed holds 0.
    ///
    /// # Errors
    /// When the file cannot be read, `pixels` is of another type, or there is no room at `at`.
    pub fn read_into(
        &self,
        index: usize,
        pixels: &mut Pixels,
        at: usize,
        states: &mut [PixelState],
    ) -> Result<(), PatchError> {
        let [n, c, h, w] = self.shape();
        if index >= n || states.len() != h * w || pixels.pixel_type() != self.meta.pixel_type {
            let reason = format!(
                "patch {index} of {n} asked for, into {} and {} states; expected {} and {} states",
                pixels.pixel_type(),
                states.len(),
                self.meta.pixel_type,
                h * w
            );
            return Err(PatchError::Store { path: self.path.clone(), reason });
        }
        let Some(bytes) = bytes_mut(pixels, at, c * h * w) else {
            let reason = format!("no room for {} values at {at}", c * h * w);
            return Err(PatchError::Store { path: self.path.clone(), reason });
        };
        self.pixels.read(index, bytes)?;
        let mut codes = vec![0u8; h * w];
        self.states.read(index, &mut codes)?;
        for (state, code) in states.iter_mut().zip(codes) {
            *state = state_of(code).ok_or_else(|| PatchError::Array {
                path: self.path.join(STATES),
                reason: format!("patch {index} has the pixel state {code}; states are 0 to 3"),
            })?;
        }
        Ok(())
    }
}

fn expect_shape(path: &Path, found: &[usize], expected: &[usize]) -> Result<(), PatchError> {
    if found == expected {
        return Ok(());
    }
    let reason = format!("its shape is {found:?}; {META} and {RECORDS} say {expected:?}");
    Err(PatchError::Array { path: path.to_path_buf(), reason })
}

fn state_of(code: u8) -> Option<PixelState> {
    match code {
        0 => Some(PixelState::Observed),
        1 => Some(PixelState::Nodata),
        2 => Some(PixelState::Masked),
        3 => Some(PixelState::Outside),
        _ => None,
    }
}

/// Values `at..at + len` as their bytes in memory; `None` when they are not all there.
fn bytes_mut(pixels: &mut Pixels, at: usize, len: usize) -> Option<&mut [u8]> {
    macro_rules! typed {
        ($($variant:ident),*) => {
            match pixels {
                $(Pixels::$variant(v) => v.get_mut(at..at.checked_add(len)?).map(bytemuck::cast_slice_mut),)*
            }
        };
    }
    typed!(U8, I8, U16, I16, U32, I32, F32, F64)
}

#[cfg(test)]
pub(crate) mod tests {
    use areal_formats::Provenance;
    use areal_grid::{Affine, Class, PixelBlock, PixelGrid, Target, Window};
    use areal_raster::crs_from_text;

    use super::*;
    use crate::{Label, LabelCount, StoreCounts, StoreWriter};

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
        let cases = [(PIXELS, "its shape"), (STATES, "its shape"), (RECORDS, "patches.gpkg"), (META, "line")];
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
}
