//! Tensors of files that other programs wrote: safetensors, and PyTorch's pickles, of which no code is ever run.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use areal_job::FileError;
use burn::store::pytorch_reader::PytorchReader;
use burn::store::{bridge, burn_pack};
use burn::tensor::{DType, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::{ModelError, TensorValues};

/// A tensor of a file, of which only the shape was read.
pub(super) struct Listed {
    pub shape: Vec<usize>,
    tensor: burn_pack::Tensor,
}

/// The floating-point tensors of a file, by name, of which none is read. Others, such as counters, are no weights.
pub(super) struct Listing {
    path: PathBuf,
    pub tensors: BTreeMap<String, Listed>,
    /// Size of the file.
    bytes: u64,
    /// PyTorch's reader reads tensors from here.
    _rewritten: Option<tempfile::NamedTempFile>,
}

/// Lists a file by what it holds, whatever its name ends in.
pub(super) fn list(path: &Path) -> Result<Listing, ModelError> {
    let mut start = Vec::new();
    let mut file = std::fs::File::open(path).map_err(FileError::io("read", path))?;
    file.by_ref().take(9).read_to_end(&mut start).map_err(FileError::io("read", path))?;
    let bytes = file.metadata().map_err(FileError::io("read", path))?.len();
    // The length of a header of text, in 8 bytes, and its brace; archives begin with PK, pickles with 128.
    let is_safetensors = start.get(4..9) == Some(b"\0\0\0\0{");
    let is_called_so = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
    let is_torch = start.starts_with(b"PK") || start.first() == Some(&0x80);
    let (tensors, rewritten) =
        if is_safetensors || is_called_so && !is_torch { (list_safetensors(path)?, None) } else { list_pytorch(path)? };
    Ok(Listing { path: path.to_path_buf(), tensors, bytes, _rewritten: rewritten })
}

impl Listing {
    /// Reads some tensors, if the file is large enough to hold them: a tensor in a pickle may repeat a number as often as it says.
    pub fn read(mut self, names: &BTreeMap<String, String>) -> Result<BTreeMap<String, TensorValues>, ModelError> {
        let fault = |reason: String| ModelError::Weights { path: self.path.clone(), reason };
        let wanted: Vec<(&String, Listed)> =
            names.iter().filter_map(|(name, plain)| Some((plain, self.tensors.remove(name)?))).collect();
        let claimed = wanted.iter().fold(0u64, |sum, (_, listed)| sum.saturating_add(listed.tensor.byte_len() as u64));
        if claimed > self.bytes.saturating_mul(MOST_COMPRESSED) {
            return Err(too_large(&self.path, claimed, self.bytes));
        }
        let read = |(name, Listed { shape, tensor }): (&String, Listed)| {
            let data = bridge::into_data(tensor).map_err(|e| fault(format!("tensor {name}: {e}")))?;
            Ok((name.clone(), TensorValues { shape, values: data.iter::<f32>().collect() }))
        };
        wanted.into_iter().map(read).collect()
    }
}

fn list_safetensors(path: &Path) -> Result<BTreeMap<String, Listed>, ModelError> {
    let bytes: Arc<[u8]> = std::fs::read(path).map_err(FileError::io("read", path))?.into();
    let fault = |reason: String| ModelError::Weights { path: path.to_path_buf(), reason };
    let file = SafeTensors::deserialize(&bytes).map_err(|e| fault(format!("not a complete safetensors file ({e})")))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let dtype = match view.dtype() {
            Dtype::F64 => DType::F64,
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            _ => continue,
        };
        let shape = view.shape().to_vec();
        let start = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
        let (bytes, place, of_data) = (Arc::clone(&bytes), start..start + view.data().len(), shape.clone());
        let read = move || Ok(TensorData::from_bytes_vec(bytes[place.clone()].to_vec(), of_data.clone(), dtype));
        let tensor = bridge::deferred(name.clone(), dtype, shape.clone().into(), None, read);
        tensors.insert(name, Listed { shape, tensor });
    }
    Ok(tensors)
}

type ListedPytorch = (BTreeMap<String, Listed>, Option<tempfile::NamedTempFile>);

fn list_pytorch(path: &Path) -> Result<ListedPytorch, ModelError> {
    let fault = |reason: String| ModelError::Weights { path: path.to_path_buf(), reason };
    check_claims(path)?;
    let rewritten = rewritten(path).map_err(|e| fault(e.to_string()))?;
    let readable = rewritten.as_ref().map_or(path, |file| file.path());
    let reader = PytorchReader::new(readable).map_err(|e| fault(e.to_string()))?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in reader.into_tensors() {
        let shape = tensor.shape().to_vec();
        let tensor = bridge::from_pytorch(tensor);
        if tensor.dtype.is_float() {
            tensors.insert(name, Listed { shape, tensor });
        }
    }
    Ok((tensors, rewritten))
}

/// Archives as PyTorch writes them: with nothing before the first entry.
const AT_START: zip::read::Config = zip::read::Config { archive_offset: zip::read::ArchiveOffset::Known(0) };

/// A copy of an archive that the `zip` crate (9.8) does not find the directory of as it is: PyTorch writes 76 bytes between the directory and its end
/// record, and a first entry whose header has that length, by a name of 30 bytes, is taken for what comes before the directory.
fn rewritten(path: &Path) -> Result<Option<tempfile::NamedTempFile>, zip::result::ZipError> {
    let open = || std::fs::File::open(path).map(std::io::BufReader::new);
    let (Err(_), Ok(mut archive)) = (zip::ZipArchive::new(open()?), zip::ZipArchive::with_config(AT_START, open()?))
    else {
        return Ok(None);
    };
    let copy = tempfile::NamedTempFile::new()?;
    let mut writer = zip::ZipWriter::new(std::io::BufWriter::new(copy.reopen()?));
    for index in 0..archive.len() {
        writer.raw_copy_file(archive.by_index_raw(index)?)?;
    }
    writer.finish()?;
    Ok(Some(copy))
}

/// How many times as large as its archive the content of a file may be: PyTorch does not compress, and weights hardly can be.
const MOST_COMPRESSED: u64 = 4;

/// Checks what an archive claims to hold against its size, before memory is taken for it. Files that are no archives pass.
fn check_claims(path: &Path) -> Result<(), ModelError> {
    let fault = |reason: String| ModelError::Weights { path: path.to_path_buf(), reason };
    let file = std::fs::File::open(path).map_err(FileError::io("read", path))?;
    let bytes = file.metadata().map_err(FileError::io("read", path))?.len();
    let Ok(mut archive) = zip::ZipArchive::with_config(AT_START, std::io::BufReader::new(file)) else { return Ok(()) };
    let mut claimed = 0u64;
    for index in 0..archive.len() {
        claimed = claimed.saturating_add(archive.by_index_raw(index).map_err(|e| fault(e.to_string()))?.size());
    }
    if claimed > bytes.saturating_mul(MOST_COMPRESSED) {
        return Err(too_large(path, claimed, bytes));
    }
    Ok(())
}

fn too_large(path: &Path, claimed: u64, bytes: u64) -> ModelError {
    ModelError::WeightsTooLarge {
        path: path.to_path_buf(),
        claimed,
        bytes,
        most: bytes.saturating_mul(MOST_COMPRESSED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<BTreeMap<String, TensorValues>, ModelError> {
        let listing = list(path)?;
        let names = listing.tensors.keys().map(|name| (name.clone(), name.clone())).collect();
        listing.read(&names)
    }

    /// `tests/oracles/tiny_state_dict.py` wrote the file with PyTorch.
    #[test]
    fn a_pytorch_file_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracles/tiny_state_dict.pth");
        let tensors = read(Path::new(path)).unwrap();
        let tensor = |name: &str| &tensors[name];
        assert_eq!(tensor("conv1.weight").shape, [2, 1, 2, 2]);
        assert_eq!(tensor("conv1.weight").values, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
        // Stored transposed and in half precision.
        assert_eq!(
            (&tensor("fc.weight").shape[..], &tensor("fc.weight").values[..]),
            (&[2, 3][..], &[0.0, 2.0, 4.0, 1.0, 3.0, 5.0][..])
        );
        let missing = read(Path::new("/nowhere/x.pth")).unwrap_err().to_string();
        assert!(missing.contains("cannot read /nowhere/x.pth"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        let cut = folder.path().join("cut.pth");
        let whole = std::fs::read(path).unwrap();
        std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(read(&cut), Err(ModelError::Weights { .. })));
    }

    /// The directory of this archive was said to be invalid: its first entry has a name of 30 bytes, and 76 bytes lie before its end, as in a file that
    /// `torch.save` names by 21 characters.
    #[test]
    fn an_archive_with_a_first_name_of_thirty_bytes_is_read() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.pth");
        let whole = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let mut archive = whole;
        for name in ["resnet34_timm_13_moco/data.pkl", "resnet34_timm_13_moco/version"] {
            archive.start_file(name, stored).unwrap();
            archive.write_all(b"3\n").unwrap();
        }
        let mut bytes = archive.finish().unwrap().into_inner();
        let end = bytes.len() - 22;
        let size = u32::from_le_bytes(bytes[end + 12..end + 16].try_into().unwrap());
        assert_eq!(size, 76 + 46 + 29);
        // The record and the locator of ZIP64 (APPNOTE.TXT, 4.3.14 and 4.3.15), of which only the room matters here.
        bytes.splice(end..end, [0; 76]);
        std::fs::write(&path, &bytes).unwrap();
        let copy = rewritten(&path).unwrap().expect("the directory is not found");
        assert_eq!(zip::ZipArchive::new(copy.reopen().unwrap()).unwrap().len(), 2);
    }

    #[test]
    fn fault_40_an_archive_that_claims_more_than_weights_can_is_refused() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.pth");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        // As PyTorch writes: not compressed.
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file("archive/data.pkl", stored).unwrap();
        archive.write_all(&[0; 1000]).unwrap();
        archive.finish().unwrap();
        check_claims(&path).unwrap();
        // The uncompressed size in the directory of the archive: 24 bytes after its mark (APPNOTE.TXT, 4.3.12).
        let mut bytes = std::fs::read(&path).unwrap();
        let directory = bytes.windows(4).position(|mark| mark == b"PK\x01\x02").unwrap();
        bytes[directory + 24..directory + 28].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let said = read(&path).unwrap_err().to_string();
        let bytes = bytes.len();
        let limit = 4 * bytes;
        let expected =
            format!("would take 2147483647 bytes, more than {limit}, 4 times the size of the file ({bytes} bytes)");
        assert!(said.ends_with(&expected), "{said}");
    }

    /// A view that repeats one number takes 4 bytes in a file, and as many as it says in the computer's memory: training was killed for
    /// tensors that were not even of the network.
    #[test]
    fn a_tensor_that_repeats_one_number_is_not_read_before_it_is_wanted() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repeated.pth");
        let text = |text: &str| [b"X", &u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat();
        let int = |v: u32| [b"J", &v.to_le_bytes()[..]].concat();
        let tuple = |items: &[Vec<u8>]| [b"(", &items.concat()[..], b"t"].concat();
        let storage = tuple(&[text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text("0"), text("cpu"), int(1)]);
        let rebuilt = tuple(&[
            [&storage[..], b"Q"].concat(),
            int(0),
            tuple(&[64, 3, 1000, 1000].map(int)),
            tuple(&[0, 0, 0, 0].map(int)),
            b"\x89".to_vec(),
            b"ccollections\nOrderedDict\n)R".to_vec(),
        ]);
        let pickle =
            [b"\x80\x02}", &text("x")[..], b"ctorch._utils\n_rebuild_tensor_v2\n", &rebuilt[..], b"Rs."].concat();
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let entries: [(&str, &[u8]); 3] =
            [("archive/data.pkl", &pickle), ("archive/version", b"3\n"), ("archive/data/0", &[0; 4])];
        for (name, content) in entries {
            archive.start_file(name, stored).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap();
        let listing = list(&path).unwrap();
        assert_eq!(listing.tensors["x"].shape, [64, 3, 1000, 1000]);
        assert!(listing.read(&BTreeMap::new()).unwrap().is_empty());
        // 64 * 3 * 1000 * 1000 numbers of 4 bytes.
        let said = read(&path).unwrap_err().to_string();
        assert!(said.contains("repeated.pth: its tensors would take 768000000 bytes, more than"), "{said}");
    }
}
