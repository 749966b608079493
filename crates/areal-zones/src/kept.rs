//! Coverage that was worked out once and kept, for every band and vintage on the same grid.
//!
//! One file for a grid and a set of zones, named by the digest of both. It holds a line of JSON that says what it is; the
//! rows of the grid, coded as in [`crate::row_code`]; for each zone its true area and its size in cells (two doubles, no
//! number where it is not known); for each row, and the end, where it begins and its checksum; and where the zones' sizes
//! begin, the checksum of all after the rows, and 16 letters that show the file to be whole. Numbers are little-endian.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use areal_grid::{PixelGrid, Window};
use areal_job::{FileError, Job, Sha256, StagedFile, Unit, hash_bytes};
use geo::CoordsIter;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::coverage::Rows;
use crate::ground::{Ground, ZoneSize};
use crate::row_code::RowCoder;
use crate::{WindowCoverage, ZoneSet, ZonesError};

/// Version of the file and of what is written to it: to be raised when either changes.
const FORMAT: &str = "areal-coverage/1";
/// The end of a whole file.
const END: [u8; 16] = *b"areal coverage 1";
/// Bytes after the index.
const TRAILER: usize = 8 + 8 + END.len();
/// Zones whose outlines are hashed together.
const BATCH: usize = 4096;

/// The line that begins the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    made_by: String,
    /// Digest of the grid and the zones.
    key: Sha256,
    height: usize,
    width: usize,
    zones: usize,
}

/// What a coverage depends on: the grid, the outlines in their CRS, and this program.
pub(crate) fn key(set: &ZoneSet, grid: &PixelGrid) -> Sha256 {
    let mut text = format!("{FORMAT} {}\n{}\n{}\n", env!("CARGO_PKG_VERSION"), grid.crs.wkt, set.crs.wkt);
    let affine = grid.transform;
    let numbers = [affine.origin, affine.col_step, affine.row_step].concat();
    // To the last bit.
    let bits: Vec<u64> = numbers.iter().map(|v| v.to_bits()).collect();
    text.push_str(&format!("{bits:x?} {} {}\n", grid.height, grid.width));
    for zones in set.zones.chunks(BATCH) {
        let mut bytes = Vec::new();
        for zone in zones {
            // Numbers of rings and vertices too, so that no outline is read as another.
            bytes.extend((zone.outline.0.len() as u64).to_le_bytes());
            for polygon in &zone.outline {
                bytes.extend((polygon.interiors().len() as u64).to_le_bytes());
                for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                    bytes.extend((ring.0.len() as u64).to_le_bytes());
                    bytes.extend(ring.coords_iter().flat_map(|c| [c.x, c.y]).flat_map(f64::to_le_bytes));
                }
            }
        }
        text.push_str(&format!("{}\n", hash_bytes(&bytes)));
    }
    hash_bytes(text.as_bytes())
}

/// Where the coverage of a key is kept in a folder.
pub(crate) fn path(folder: &Path, key: &Sha256) -> PathBuf {
    folder.join(format!("{}.coverage", key.as_str().get(..16).unwrap_or(key.as_str())))
}

/// An open file of coverage.
pub(crate) struct KeptCoverage {
    path: PathBuf,
    file: Mutex<File>,
    /// Where the rows begin.
    start: u64,
    /// By row, and for the end: where it begins after `start`, and its checksum.
    index: Vec<(u64, u64)>,
    coder: RowCoder,
}

impl KeptCoverage {
    /// Opens the file, with the zones' sizes; `None` where there is none.
    pub(crate) fn open(
        path: &Path,
        key: &Sha256,
        grid: &PixelGrid,
        zones: usize,
    ) -> Result<Option<(Self, Vec<ZoneSize>)>, ZonesError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(FileError::io("read", path)(e).into()),
        };
        Self::check(path, file, key, grid, zones).map(Some)
    }

    fn check(
        path: &Path,
        mut file: File,
        key: &Sha256,
        grid: &PixelGrid,
        zones: usize,
    ) -> Result<(Self, Vec<ZoneSize>), ZonesError> {
        let io = |e| ZonesError::from(FileError::io("read", path)(e));
        let fault = |reason: &str| damaged(path, reason);
        let size = file.metadata().map_err(io)?.len();
        let tail = zones * 16 + (grid.height + 1) * 16 + TRAILER;
        if size < tail as u64 {
            return Err(fault("it is not whole"));
        }
        let mut bytes = vec![0u8; tail];
        let tail_start = size - tail as u64;
        file.seek(SeekFrom::Start(tail_start)).and_then(|_| file.read_exact(&mut bytes)).map_err(io)?;
        let (body, trailer) = bytes.split_at(tail - TRAILER);
        let words: Vec<u64> = body.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
        let at = |k: usize| trailer.as_chunks::<8>().0.get(k).map_or(0, |b| u64::from_le_bytes(*b));
        if trailer[16..] != END || at(0) != tail_start || at(1) != checksum(body) {
            return Err(fault("it is not whole, or is damaged"));
        }
        let (sizes, index) = words.split_at(zones * 2);
        let index: Vec<(u64, u64)> = index.as_chunks::<2>().0.iter().map(|[at, sum]| (*at, *sum)).collect();
        let rows = index.last().map_or(0, |end| end.0);
        let mut head = vec![0u8; tail_start.checked_sub(rows).ok_or_else(|| fault("its rows are not whole"))? as usize];
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut head)).map_err(io)?;
        let header: Header = serde_json::from_slice(&head).map_err(|_| fault("its first line is damaged"))?;
        let expected = (FORMAT, key, grid.height, grid.width, zones);
        if (header.format.as_str(), &header.key, header.height, header.width, header.zones) != expected {
            return Err(fault("it is of another grid, of other zones, or of another format"));
        }
        let ascending = index.windows(2).all(|pair| pair[0].0 <= pair[1].0);
        if !ascending {
            return Err(fault("its rows are out of order"));
        }
        let size = |[area, cells]: &[u64; 2]| {
            let (area, cells) = (f64::from_bits(*area), f64::from_bits(*cells));
            ZoneSize { area, cells: (!cells.is_nan()).then_some(cells) }
        };
        let sizes = sizes.as_chunks::<2>().0.iter().map(size).collect();
        let coder = RowCoder::new(grid.width, zones);
        Ok((Self { path: path.to_path_buf(), file: Mutex::new(file), start: head.len() as u64, index, coder }, sizes))
    }

    /// Coverage of the cells of a window, and what the zones leave of it.
    pub(crate) fn read(&self, window: Window) -> Result<WindowCoverage, ZonesError> {
        let Some(index) = self.index.get(window.row..=window.row_end()) else {
            return Err(damaged(&self.path, &format!("it has no row {}", window.row_end())));
        };
        let (first, last) = (index[0].0, index[index.len() - 1].0);
        let mut bytes = vec![0u8; (last - first) as usize];
        {
            let mut file = self.file.lock().map_err(|_| damaged(&self.path, "another thread failed to read it"))?;
            file.seek(SeekFrom::Start(self.start + first))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(FileError::io("read", &self.path))?;
        }
        let mut coder = self.coder.clone();
        let (mut zones, mut rest) = (Rows::empty(), Rows::empty());
        let cols = window.col as u32..window.col_end() as u32;
        for (k, pair) in index.windows(2).enumerate() {
            let row = &bytes[(pair[0].0 - first) as usize..(pair[1].0 - first) as usize];
            let whole = checksum(row) == pair[0].1;
            if !whole || coder.decode(row, &cols, zones.filling(), rest.filling()).is_none() {
                return Err(damaged(&self.path, &format!("row {} is damaged", window.row + k)));
            }
            zones.end_row();
            rest.end_row();
        }
        Ok(WindowCoverage::from_rows(window, zones, rest))
    }
}

/// Writes the coverage of a whole grid, whole or not at all: bands of rows in several threads, so many cells at a time.
pub(crate) fn write(
    path: &Path,
    key: &Sha256,
    ground: &Ground,
    set: &ZoneSet,
    grid: &PixelGrid,
    window_cells: usize,
    job: Job<'_>,
) -> Result<(), ZonesError> {
    let staged = StagedFile::new(path)?;
    let fault = || FileError::io("write", path);
    let mut file = BufWriter::new(File::create(staged.path()).map_err(fault())?);
    let header = Header {
        format: FORMAT.to_owned(),
        made_by: concat!("areal ", env!("CARGO_PKG_VERSION")).to_owned(),
        key: key.clone(),
        height: grid.height,
        width: grid.width,
        zones: set.zones.len(),
    };
    let mut head = serde_json::to_vec(&header).map_err(|e| fault()(e.into()))?;
    head.push(b'\n');
    file.write_all(&head).map_err(fault())?;
    let (height, width) = (grid.height, grid.width);
    let bands: Vec<Window> = areal_grid::blocks(height, width, (window_cells / width).max(1), width).collect();
    let coder = RowCoder::new(width, set.zones.len());
    let task = job.task("coverage", Some(height as u64), Unit::Rows);
    let mut index: Vec<(u64, u64)> = Vec::with_capacity(height + 1);
    let mut at = 0;
    for batch in bands.chunks(rayon::current_num_threads() * 4) {
        job.check()?;
        let coded: Result<Vec<_>, ZonesError> = batch.par_iter().map(|band| band_code(ground, band, &coder)).collect();
        for (bytes, rows) in coded? {
            file.write_all(&bytes).map_err(fault())?;
            for (len, sum) in rows {
                index.push((at, sum));
                at += len;
                task.advance(1);
            }
        }
    }
    index.push((at, 0));
    let not_known = f64::NAN;
    let sizes = ground.sizes.iter().flat_map(|z| [z.area, z.cells.unwrap_or(not_known)]).map(f64::to_bits);
    let words = sizes.chain(index.iter().flat_map(|(at, sum)| [*at, *sum]));
    let tail: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    file.write_all(&tail).map_err(fault())?;
    for word in [head.len() as u64 + at, checksum(&tail)] {
        file.write_all(&word.to_le_bytes()).map_err(fault())?;
    }
    file.write_all(&END).map_err(fault())?;
    file.flush().map_err(fault())?;
    drop(file);
    Ok(staged.commit()?)
}

/// The rows of a band one after another, and the length and checksum of each.
type BandCode = (Vec<u8>, Vec<(u64, u64)>);

fn band_code(ground: &Ground, band: &Window, coder: &RowCoder) -> Result<BandCode, ZonesError> {
    let coverage = ground.coverage(*band)?;
    let mut coder = coder.clone();
    let (mut bytes, mut rows) = (Vec::new(), Vec::with_capacity(band.height));
    for row in band.row..band.row_end() {
        let start = bytes.len();
        coder.encode(coverage.row(row), coverage.rest(row), &mut bytes);
        rows.push(((bytes.len() - start) as u64, checksum(&bytes[start..])));
    }
    Ok((bytes, rows))
}

fn damaged(path: &Path, reason: &str) -> ZonesError {
    ZonesError::Coverage { path: path.to_path_buf(), reason: reason.to_owned() }
}

/// Tells damage, by accident and not by intent: multiply and fold, eight bytes at a time.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, last) = bytes.as_chunks::<8>();
    let mut end = [0u8; 8];
    end[..last.len()].copy_from_slice(last);
    let mix = |sum: u64, word: u64| {
        let mixed = (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    };
    let sum = words.iter().fold(bytes.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    mix(sum, u64::from_le_bytes(end))
}
