//! Which virtual rasters and layers are not read: those that lead to a network, or to bytes of files elsewhere.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::RasterError;
use crate::vrt::{VrtSource, sources};

/// Largest document that is looked at; GDAL's own limit on VRTs.
const MOST_BYTES: u64 = 50_000_000;

/// Refuses a VRT, if a file is one, with a source on a network, or with a raw band over a file that is neither beside it nor
/// below: such a band shows the bytes of any file as pixels. VRTs among its sources are looked at too.
pub(crate) fn check_vrt(path: &Path) -> Result<(), RasterError> {
    let (mut waiting, mut seen) = (vec![path.to_path_buf()], HashSet::new());
    while let Some(path) = waiting.pop() {
        let Some(document) = document(&path).filter(|_| seen.insert(path.clone())) else { continue };
        let folder = path.parent().unwrap_or(Path::new(""));
        // What is no XML is left for GDAL to refuse.
        for source in sources(&document).unwrap_or_default() {
            let file = if source.is_relative { folder.join(&source.name) } else { PathBuf::from(&source.name) };
            if let Some(why) = refusal(&source, &file, folder) {
                return Err(RasterError::VrtSource { path, file: source.name, why });
            }
            waiting.push(file);
        }
    }
    Ok(())
}

fn refusal(source: &VrtSource, file: &Path, folder: &Path) -> Option<&'static str> {
    let network =
        ["/vsicurl", "/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift", "/vsihdfs", "/vsiwebhdfs"];
    let lower = source.name.to_ascii_lowercase();
    if lower.contains("://") || network.iter().any(|prefix| lower.contains(prefix)) {
        return Some("it is not a local file");
    }
    let real = |path: &Path| fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok();
    if source.is_raw && !real(file).zip(real(folder)).is_some_and(|(file, folder)| file.starts_with(folder)) {
        return Some("it is read as raw bytes and is not in the folder of the VRT");
    }
    None
}

/// The text of a file that is a VRT.
fn document(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut head = [0; 1024];
    let n = file.read(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head[..n]);
    if !head.contains("<VRTDataset") && !head.contains("<OGRVRTDataSource") {
        return None;
    }
    let small = file.metadata().ok()?.len() <= MOST_BYTES;
    small.then(|| fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(file: &str) -> String {
        format!(
            "<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><VRTRasterBand dataType=\"Byte\" band=\"1\" \
             subClass=\"VRTRawRasterBand\"><SourceFilename relativeToVRT=\"1\">{file}</SourceFilename></VRTRasterBand></VRTDataset>"
        )
    }

    fn simple(file: &str) -> String {
        raw(file)
            .replace(" subClass=\"VRTRawRasterBand\"", "")
            .replace("<SourceF", "<SimpleSource><SourceF")
            .replace("</VRTRasterBand>", "</SimpleSource></VRTRasterBand>")
    }

    #[test]
    fn sources_on_a_network_and_raw_bytes_from_elsewhere_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let vrts = folder.path().join("vrts");
        fs::create_dir_all(vrts.join("below")).unwrap();
        for file in ["secret", "vrts/a", "vrts/below/a"] {
            fs::write(folder.path().join(file), [7; 16]).unwrap();
        }
        std::os::unix::fs::symlink("../secret", vrts.join("link")).unwrap();
        let path = vrts.join("a.vrt");
        let said = |text: String| {
            fs::write(&path, text).unwrap();
            check_vrt(&path).map_err(|e| e.to_string())
        };
        for good in [raw("a"), raw("below/a"), simple("a"), simple("../secret"), "no XML <VRTDataset".to_owned()] {
            said(good.clone()).expect(&good);
        }
        for bad in ["../secret", "link", "below/../../secret", "/etc/hostname"] {
            assert!(said(raw(bad)).unwrap_err().contains("raw bytes"), "{bad}");
        }
        for bad in ["/vsicurl/https://example.invalid/a.tif", "https://example.invalid/a.tif", "/vsis3/b/a.tif"] {
            assert!(said(simple(bad)).unwrap_err().contains("not a local file"), "{bad}");
        }
        // One VRT reads another.
        fs::write(vrts.join("inner.vrt"), raw("../secret")).unwrap();
        let told = said(simple("inner.vrt")).unwrap_err();
        assert!(told.contains("inner.vrt reads ../secret"), "{told}");
        // Or itself.
        said(simple("a.vrt")).unwrap();
    }
}
