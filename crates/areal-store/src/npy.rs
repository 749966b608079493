//! NumPy's array files (format version 1.0; numpy.lib.format), written and read without holding the array.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use areal_grid::PixelType;
use areal_job::FileError;

use crate::StoreError;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// Length of our headers: a multiple of 64, as the format asks, and room for any shape of four axes.
const HEADER: usize = 192;

/// NumPy's name of a pixel type in this machine's byte order.
fn descr(pixel_type: PixelType) -> String {
    let kind = match pixel_type {
        PixelType::U8 | PixelType::U16 | PixelType::U32 => 'u',
        PixelType::I8 | PixelType::I16 | PixelType::I32 => 'i',
        PixelType::F32 | PixelType::F64 => 'f',
    };
    let order = match pixel_type.size() {
        1 => '|',
        _ if cfg!(target_endian = "big") => '>',
        _ => '<',
    };
    format!("{order}{kind}{}", pixel_type.size())
}

fn header(pixel_type: PixelType, shape: &[usize]) -> Vec<u8> {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    // A shape of one axis needs its comma: (3,).
    let comma = if shape.len() == 1 { "," } else { "" };
    let dict = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        descr(pixel_type),
        shape.join(", ")
    );
    let mut bytes = MAGIC.to_vec();
    bytes.extend(((HEADER - MAGIC.len() - 2) as u16).to_le_bytes());
    bytes.extend(dict.bytes());
    bytes.resize(HEADER - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// An array that grows along its first axis while it is written.
#[derive(Debug)]
pub struct NpyWriter {
    file: BufWriter<File>,
    path: PathBuf,
    pixel_type: PixelType,
    item: Vec<usize>,
    items: u64,
}

impl NpyWriter {
    /// Begins an array of items of shape `item`.
    pub fn create(path: &Path, pixel_type: PixelType, item: &[usize]) -> Result<Self, FileError> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path);
        let file = file.map_err(FileError::io("create", path))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&[b' '; HEADER]).map_err(FileError::io("write", path))?;
        Ok(Self { file, path: path.to_path_buf(), pixel_type, item: item.to_vec(), items: 0 })
    }

    /// Number of items so far.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// True before the first item.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    pub fn item_bytes(&self) -> usize {
        self.item.iter().product::<usize>() * self.pixel_type.size()
    }

    /// Appends one item, as its bytes in memory.
    pub fn push(&mut self, item: &[u8]) -> Result<(), FileError> {
        debug_assert_eq!(item.len(), self.item_bytes());
        self.file.write_all(item).map_err(FileError::io("write", &self.path))?;
        self.items += 1;
        Ok(())
    }

    /// Keeps only the items of these ascending indices, in their order; rewrites in place.
    pub fn retain(&mut self, kept: &[u64]) -> Result<(), FileError> {
        let fault = || FileError::io("write", &self.path);
        self.file.flush().map_err(fault())?;
        let mut buffer = vec![0; self.item_bytes()];
        let offset = |index: u64| HEADER as u64 + index * buffer.len() as u64;
        let end = offset(kept.len() as u64);
        let moves: Vec<_> = kept.iter().zip(0u64..).map(|(from, to)| (offset(*from), offset(to))).collect();
        let file = self.file.get_mut();
        for (from, to) in moves.into_iter().filter(|(from, to)| from != to) {
            file.read_exact_at(&mut buffer, from).map_err(FileError::io("read", &self.path))?;
            file.write_all_at(&buffer, to).map_err(FileError::io("write", &self.path))?;
        }
        file.set_len(end).map_err(FileError::io("write", &self.path))?;
        file.seek(SeekFrom::End(0)).map_err(FileError::io("write", &self.path))?;
        self.items = kept.len() as u64;
        Ok(())
    }

    /// Writes the header, now that the number of items is known.
    pub fn finish(mut self) -> Result<(), FileError> {
        let mut shape = vec![self.items as usize];
        shape.extend(&self.item);
        let head = header(self.pixel_type, &shape);
        let fault = FileError::io("write", &self.path);
        self.file.flush().and_then(|()| self.file.get_ref().write_all_at(&head, 0)).map_err(fault)
    }
}

/// An array on disk whose items are read one at a time. Reading goes through the page cache and not through a memory
/// map, so that a file cut short while it is open is an error and not a crash.
#[derive(Debug)]
pub struct NpyReader {
    file: File,
    path: PathBuf,
    start: u64,
    shape: Vec<usize>,
    item_bytes: usize,
}

impl NpyReader {
    /// Opens an array of this type; checks that the file is whole.
    pub fn open(path: &Path, pixel_type: PixelType) -> Result<Self, StoreError> {
        let mut file = File::open(path).map_err(FileError::io("read", path))?;
        let bad = |reason: String| StoreError::Array { path: path.to_path_buf(), reason };
        let (start, dict) = read_header(&mut file).map_err(bad)?;
        let (found, shape) = parse(&dict).map_err(bad)?;
        if found != descr(pixel_type) {
            return Err(bad(format!("its values are \"{found}\", expected \"{}\"", descr(pixel_type))));
        }
        let overflow = || bad(format!("its shape {shape:?} is too large"));
        let per_item = shape.iter().skip(1).try_fold(pixel_type.size(), |a, b| a.checked_mul(*b));
        let item_bytes = per_item.ok_or_else(overflow)?;
        let items = *shape.first().unwrap_or(&0);
        let expected = items.checked_mul(item_bytes).ok_or_else(overflow)? as u64 + start;
        let actual = file.metadata().map_err(FileError::io("read", path))?.len();
        if actual != expected {
            return Err(bad(format!("it has {actual} bytes, but its shape {shape:?} needs {expected}")));
        }
        Ok(Self { file, path: path.to_path_buf(), start, shape, item_bytes })
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Reads item `index` as its bytes in memory; `out` has the item's length.
    pub fn read(&self, index: usize, out: &mut [u8]) -> Result<(), StoreError> {
        debug_assert_eq!(out.len(), self.item_bytes);
        let offset = self.start + index as u64 * self.item_bytes as u64;
        Ok(self.file.read_exact_at(out, offset).map_err(FileError::io("read", &self.path))?)
    }
}

fn read_header(file: &mut File) -> Result<(u64, String), String> {
    let short = |_| "it is not a NumPy array: too short".to_owned();
    let mut head = [0u8; 8];
    file.read_exact(&mut head).map_err(short)?;
    if &head[..6] != b"\x93NUMPY" {
        return Err("it is not a NumPy array".into());
    }
    let len = if head[6] == 1 {
        let mut len = [0u8; 2];
        file.read_exact(&mut len).map_err(short)?;
        u32::from(u16::from_le_bytes(len))
    } else {
        let mut len = [0u8; 4];
        file.read_exact(&mut len).map_err(short)?;
        u32::from_le_bytes(len)
    };
    if len > 1 << 16 {
        return Err(format!("its header claims {len} bytes"));
    }
    let mut dict = vec![0; len as usize];
    file.read_exact(&mut dict).map_err(short)?;
    let start = file.stream_position().map_err(|e| e.to_string())?;
    String::from_utf8(dict).map(|dict| (start, dict)).map_err(|_| "its header is not text".into())
}

/// The type and the shape in a header such as `{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse(dict: &str) -> Result<(String, Vec<usize>), String> {
    let after = |key: &str| {
        let (_, rest) = dict.split_once(&format!("'{key}':")).ok_or(format!("its header has no {key}"))?;
        Ok::<&str, String>(rest.trim_start())
    };
    let quoted = after("descr")?.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let (descr, _) = quoted.ok_or("its values are of a compound type")?;
    if !after("fortran_order")?.starts_with("False") {
        return Err("it is in Fortran order, expected C order".into());
    }
    let inside = after("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (inside, _) = inside.ok_or("its shape cannot be read")?;
    let numbers = inside.split(',').map(str::trim).filter(|n| !n.is_empty());
    let shape: Result<Vec<usize>, _> = numbers.map(str::parse).collect();
    Ok((descr.to_owned(), shape.map_err(|e| format!("its shape ({inside}): {e}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, items: &[[u16; 2]]) -> NpyWriter {
        let mut w = NpyWriter::create(path, PixelType::U16, &[2]).unwrap();
        for item in items {
            w.push(bytemuck::cast_slice(item)).unwrap();
        }
        w
    }

    #[test]
    fn what_is_written_is_read_by_another_implementation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut writer = write(&path, &[[1, 2], [3, 4], [5, 6], [7, 65535]]);
        writer.retain(&[1, 3]).unwrap();
        writer.push(bytemuck::cast_slice(&[8u16, 9])).unwrap();
        writer.finish().unwrap();
        let array: ndarray::Array2<u16> = ndarray_npy::read_npy(&path).unwrap();
        assert_eq!(array, ndarray::arr2(&[[3, 4], [7, 65535], [8, 9]]));
    }

    #[test]
    fn what_another_implementation_writes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        ndarray_npy::write_npy(&path, &ndarray::arr2(&[[1.5f32, 2.5], [3.5, 4.5]])).unwrap();
        let reader = NpyReader::open(&path, PixelType::F32).unwrap();
        let mut out = [0f32; 2];
        reader.read(1, bytemuck::cast_slice_mut(&mut out)).unwrap();
        assert_eq!((reader.shape(), out), (&[2usize, 2][..], [3.5, 4.5]));
        let other = NpyReader::open(&path, PixelType::U16).unwrap_err().to_string();
        assert!(other.contains("\"<f4\", expected \"<u2\""), "{other}");
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write(&path, &[[1, 2], [3, 4]]).finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 5, 9, 100, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(matches!(NpyReader::open(&path, PixelType::U16), Err(StoreError::Array { .. })), "{cut}");
        }
        std::fs::write(&path, String::from_utf8_lossy(&bytes).replace("False", "True ").as_bytes()).unwrap();
        assert!(NpyReader::open(&path, PixelType::U16).is_err());
    }
}
