//! A patch store in the making.

use std::path::Path;

use areal_formats::StoreMeta;
use areal_grid::{PixelBlock, PixelState, PixelType, Pixels, Window};
use areal_job::{StagedDir, write_json};
use areal_store::files::{LAYER, META, PIXELS, RECORDS, STATES};
use areal_store::{Footprint, NpyWriter, PatchRecord, RecordTable};

use crate::PatchError;
use crate::records_layer::{RecordRow, write_records};

/// A patch store in the making: pixels go to disk as they come, records and description at the end. Dropped before
/// [`finish`](Self::finish), it leaves nothing behind.
#[derive(Debug)]
pub struct StoreWriter {
    staged: StagedDir,
    pixels: NpyWriter,
    states: NpyWriter,
    bands: usize,
    pixel_type: PixelType,
    size: usize,
    scratch: Vec<u8>,
}

impl StoreWriter {
    /// Begins a store of `patch_size` patches of so many bands at `target`.
    ///
    /// # Errors
    /// When something stands at `target` and `overwrite` is not set, or nothing can be written there.
    pub fn create(
        target: &Path,
        overwrite: bool,
        bands: usize,
        pixel_type: PixelType,
        patch_size: usize,
    ) -> Result<Self, PatchError> {
        let staged = StagedDir::new(target, overwrite)?;
        let pixels = NpyWriter::create(&staged.file(PIXELS), pixel_type, &[bands, patch_size, patch_size])?;
        let states = NpyWriter::create(&staged.file(STATES), PixelType::U8, &[patch_size, patch_size])?;
        Ok(Self { staged, pixels, states, bands, pixel_type, size: patch_size, scratch: Vec::new() })
    }

    /// Number of patches so far.
    pub fn len(&self) -> u64 {
        self.pixels.items()
    }

    /// True when no patch is written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the patch whose pixels are `window` of the scene that `block` was read from; `window` lies in the
    /// block's window.
    ///
    /// # Errors
    /// When the block has other bands or another type than the store, does not hold the window, or the disk is full.
    pub fn push(&mut self, block: &PixelBlock, window: &Window) -> Result<(), PatchError> {
        if block.bands != self.bands || block.pixels.pixel_type() != self.pixel_type {
            return Err(PatchError::PatchDiffers {
                found: block.bands,
                found_type: block.pixels.pixel_type(),
                expected: self.bands,
                expected_type: self.pixel_type,
            });
        }
        if !block.window.contains(window) || (window.height, window.width) != (self.size, self.size) {
            let expected = "a window of the patch size inside the block";
            return Err(PatchError::Setting { what: "patch window", value: format!("{window:?}"), expected });
        }
        self.scratch.clear();
        for band in 0..self.bands {
            for row in rows(block, window, band) {
                append(&block.pixels, row, self.size, &mut self.scratch);
            }
        }
        self.pixels.push(&self.scratch)?;
        self.scratch.clear();
        for row in rows(block, window, 0) {
            self.scratch.extend(block.states[row..row + self.size].iter().map(|s: &PixelState| *s as u8));
        }
        self.states.push(&self.scratch)?;
        Ok(())
    }

    /// Keeps only the patches of these ascending indices; they are numbered anew.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn retain(&mut self, kept: &[u64]) -> Result<(), PatchError> {
        self.pixels.retain(kept)?;
        self.states.retain(kept)?;
        Ok(())
    }

    /// Writes records and description and gives the store its final name. `footprints` is empty where patches have no
    /// place.
    ///
    /// # Errors
    /// When the disk fails; nothing is left behind then.
    pub fn finish(self, meta: &StoreMeta, records: &[PatchRecord], footprints: &[Footprint]) -> Result<(), PatchError> {
        self.finish_rows(meta, records.iter().enumerate().map(|(i, r)| Ok((r.clone(), footprints.get(i).copied()))))
    }

    /// [`finish`](Self::finish) with records that are made one by one, so that they are never all in memory.
    pub(crate) fn finish_rows(self, meta: &StoreMeta, rows: impl Iterator<Item = RecordRow>) -> Result<(), PatchError> {
        self.pixels.finish()?;
        self.states.finish()?;
        let mut table = RecordTable::create(&self.staged.file(RECORDS), &meta.target)?;
        let rows = rows.map(|row| {
            let (record, footprint) = row?;
            table.push(&record, footprint.as_ref())?;
            Ok((record, footprint))
        });
        write_records(&self.staged.file(LAYER), meta, rows)?;
        table.finish()?;
        write_json(&self.staged.file(META), meta)?;
        Ok(self.staged.commit()?)
    }
}

/// Where each row of a window begins in a block's values, for one band.
fn rows<'a>(block: &'a PixelBlock, window: &'a Window, band: usize) -> impl Iterator<Item = usize> + 'a {
    let (top, left) = (window.row - block.window.row, window.col - block.window.col);
    (0..window.height).map(move |r| (band * block.window.height + top + r) * block.window.width + left)
}

fn append(pixels: &Pixels, start: usize, len: usize, out: &mut Vec<u8>) {
    macro_rules! typed {
        ($($variant:ident),*) => {
            match pixels {
                $(Pixels::$variant(v) => out.extend_from_slice(bytemuck::cast_slice(&v[start..start + len])),)*
            }
        };
    }
    typed!(U8, I8, U16, I16, U32, I32, F32, F64);
}
