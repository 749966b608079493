//! A patch store opened for reading.

use std::path::{Path, PathBuf};

use areal_formats::{STORE_FORMAT, StoreMeta};
use areal_grid::{PixelState, PixelType, Pixels};
use areal_job::read_json;

use crate::npy::NpyReader;
use crate::table::read_table;
use crate::{Footprint, PatchRecord, Split, StoreError};

/// Names of the files in a patch store.
pub mod files {
    /// Values of the patches, `[N, C, H, W]`.
    pub const PIXELS: &str = "pixels.npy";
    /// Codes of `PixelState`, `[N, H, W]`.
    pub const STATES: &str = "states.npy";
    /// One row per patch: the records that are read.
    pub const RECORDS: &str = "patches.csv";
    /// The same with footprints as geometries, for maps.
    pub const LAYER: &str = "patches.gpkg";
    /// What the store holds.
    pub const META: &str = "store.json";
}

use files::{META, PIXELS, RECORDS, STATES};

/// Every patch of a store, in the order of `pixels.npy`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    pub patches: Vec<PatchRecord>,
    /// The ground that each covers, in the store's CRS; empty where patches have no place.
    pub footprints: Vec<Footprint>,
}

impl Records {
    /// Reads what a store holds and its records, without its pixels.
    ///
    /// # Errors
    /// When `store.json` or `patches.csv` is missing, of another format, or cannot be read.
    pub fn read(store: &Path) -> Result<(StoreMeta, Self), StoreError> {
        let meta: StoreMeta = read_json(&store.join(META), STORE_FORMAT)?;
        let records = read_table(&store.join(RECORDS), &meta)?;
        Ok((meta, records))
    }
}

/// A patch store opened for reading: labelled patches of one size, bands and pixel type.
///
/// The records are in memory, the pixels stay on disk. Reading needs `&self` only: several threads may fill batches
/// from one store.
#[derive(Debug)]
pub struct PatchStore {
    path: PathBuf,
    meta: StoreMeta,
    records: Records,
    pixels: NpyReader,
    states: NpyReader,
}

impl PatchStore {
    /// Opens a store and checks that its files belong together.
    ///
    /// # Errors
    /// When a file is missing, truncated, of another format, or at odds with `store.json`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, |meta| read_table(&path.join(RECORDS), meta))
    }

    /// Opens a store whose records are read by `read` in place of from `patches.csv`.
    ///
    /// # Errors
    /// As [`open`](Self::open), and those of `read`.
    pub fn open_with<E: From<StoreError>>(
        path: &Path,
        read: impl FnOnce(&StoreMeta) -> Result<Records, E>,
    ) -> Result<Self, E> {
        let meta: StoreMeta = read_json(&path.join(META), STORE_FORMAT).map_err(StoreError::from)?;
        let pixels = NpyReader::open(&path.join(PIXELS), meta.pixel_type)?;
        let states = NpyReader::open(&path.join(STATES), PixelType::U8)?;
        let records = read(&meta)?;
        let store = Self { path: path.to_path_buf(), meta, records, pixels, states };
        store.check()?;
        Ok(store)
    }

    /// Checks that the files belong together.
    fn check(&self) -> Result<(), StoreError> {
        let (n, size, bands) = (self.len(), self.meta.patch_size, self.meta.bands.len());
        expect_shape(&self.path.join(PIXELS), self.pixels.shape(), &[n, bands, size, size])?;
        expect_shape(&self.path.join(STATES), self.states.shape(), &[n, size, size])?;
        if self.meta.counts.patches != n as u64 {
            let reason = format!("it counts {} patches, but has records of {n}", self.meta.counts.patches);
            return Err(StoreError::Records { path: self.path.join(META), reason });
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the store holds.
    pub fn meta(&self) -> &StoreMeta {
        &self.meta
    }

    pub fn len(&self) -> usize {
        self.records.patches.len()
    }

    /// True when there is no patch.
    pub fn is_empty(&self) -> bool {
        self.records.patches.is_empty()
    }

    /// Every patch, in the order of `pixels.npy`.
    pub fn records(&self) -> &[PatchRecord] {
        &self.records.patches
    }

    /// The ground that each patch covers, in the store's CRS; empty for imported images.
    pub fn footprints(&self) -> &[Footprint] {
        &self.records.footprints
    }

    /// Shape of the pixels: patches, bands, rows, columns.
    pub fn shape(&self) -> [usize; 4] {
        [self.len(), self.meta.bands.len(), self.meta.patch_size, self.meta.patch_size]
    }

    /// Indices of the patches of one split, ascending.
    pub fn indices(&self, split: Split) -> Vec<usize> {
        self.records.patches.iter().enumerate().filter(|(_, r)| r.split == split).map(|(i, _)| i).collect()
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
    ) -> Result<(), StoreError> {
        let [n, c, h, w] = self.shape();
        if index >= n || states.len() != h * w || pixels.pixel_type() != self.meta.pixel_type {
            let reason = format!(
                "patch {index} of {n} asked for, into {} and {} states; expected {} and {} states",
                pixels.pixel_type(),
                states.len(),
                self.meta.pixel_type,
                h * w
            );
            return Err(StoreError::Records { path: self.path.clone(), reason });
        }
        let Some(bytes) = bytes_mut(pixels, at, c * h * w) else {
            let reason = format!("no room for {} values at {at}", c * h * w);
            return Err(StoreError::Records { path: self.path.clone(), reason });
        };
        self.pixels.read(index, bytes)?;
        let mut codes = vec![0u8; h * w];
        self.states.read(index, &mut codes)?;
        for (state, code) in states.iter_mut().zip(codes) {
            *state = PixelState::from_code(code).ok_or_else(|| StoreError::Array {
                path: self.path.join(STATES),
                reason: format!("patch {index} has the pixel state {code}; states are 0 to 3"),
            })?;
        }
        Ok(())
    }
}

fn expect_shape(path: &Path, found: &[usize], expected: &[usize]) -> Result<(), StoreError> {
    if found == expected {
        return Ok(());
    }
    let reason = format!("its shape is {found:?}; expected {expected:?} from {META} and {RECORDS}");
    Err(StoreError::Array { path: path.to_path_buf(), reason })
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
