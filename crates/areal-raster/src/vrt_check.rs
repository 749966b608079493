//! Which virtual rasters and layers are not read: those that lead to a network, or to bytes of files elsewhere.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::RasterError;
use crate::gdal_call::init;
use crate::vrt::{VrtSource, sources};

/// Largest document that is looked at; GDAL's own limit on VRTs.
const MOST_BYTES: usize = 50_000_000;
/// In which GDAL, too, looks for the mark of a VRT.
const HEAD_BYTES: usize = 1024;

/// Refuses a VRT, if a file is one, with a source on a network, or with a raw band over a file that is neither beside it nor
/// below: such a band shows the bytes of any file as pixels. VRTs among its sources are looked at too.
pub(crate) fn check_vrt(path: &Path) -> Result<(), RasterError> {
    let (mut waiting, mut seen) = (vec![path.to_path_buf()], HashSet::new());
    while let Some(path) = waiting.pop() {
        let Some(document) = document(&path).filter(|_| seen.insert(path.clone())) else { continue };
        let folder = path.parent().unwrap_or(Path::new(""));
        // GDAL reads documents that are not well-formed, so one whose sources are not known is refused.
        let listed = sources(&document).map_err(|message| RasterError::Open { path: path.clone(), message })?;
        for source in listed {
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
    let lower = lower.strip_prefix("vrt://").unwrap_or(&lower);
    if lower.contains("://") || network.iter().any(|prefix| lower.contains(prefix)) {
        return Some("it is not a local file");
    }
    let real = |path: &Path| fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok();
    if source.is_raw && !real(file).zip(real(folder)).is_some_and(|(file, folder)| file.starts_with(folder)) {
        return Some("it is read as raw bytes and is not in the folder of the VRT");
    }
    None
}

/// The text of a file that is a VRT, also of one in an archive.
fn document(path: &Path) -> Option<String> {
    let name = CString::new(path.to_str()?).ok()?;
    let head = read_start(&name, HEAD_BYTES)?;
    let head = String::from_utf8_lossy(&head);
    if !head.contains("<VRTDataset") && !head.contains("<OGRVRTDataSource") {
        return None;
    }
    read_start(&name, MOST_BYTES).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The first bytes of a file that GDAL finds by a name.
fn read_start(name: &CStr, most: usize) -> Option<Vec<u8>> {
    init();
    let mut bytes = Vec::new();
    // SAFETY: the name is a C string, the file is open between the calls and closed once, and a read writes at most as many
    // bytes as the buffer holds.
    unsafe {
        let file = gdal_sys::VSIFOpenL(name.as_ptr(), c"rb".as_ptr());
        if file.is_null() {
            return None;
        }
        let mut buffer = vec![0u8; most.min(1 << 16)];
        while bytes.len() < most {
            let wanted = buffer.len().min(most - bytes.len());
            let read = gdal_sys::VSIFReadL(buffer.as_mut_ptr().cast(), 1, wanted, file);
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(&buffer[..read]);
        }
        gdal_sys::VSIFCloseL(file);
    }
    Some(bytes)
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
        for good in [raw("a"), raw("below/a"), simple("a"), simple("../secret"), simple("vrt://a?bands=1")] {
            said(good.clone()).expect(&good);
        }
        for bad in ["../secret", "link", "below/../../secret", "/etc/hostname"] {
            assert!(said(raw(bad)).unwrap_err().contains("raw bytes"), "{bad}");
        }
        for bad in ["/vsicurl/https://example.invalid/a.tif", "https://example.invalid/a.tif", "/vsis3/b/a.tif"] {
            assert!(said(simple(bad)).unwrap_err().contains("not a local file"), "{bad}");
        }
        // What GDAL would read though it is not well-formed.
        for bad in [
            raw("/etc/hostname").replace("band=\"1\"", "band=1"),
            raw("a").replace("</VRTRasterBand>", "</vrtrasterBAND>"),
        ] {
            assert!(said(bad).unwrap_err().contains("byte"));
        }
        // One VRT reads another.
        fs::write(vrts.join("inner.vrt"), raw("../secret")).unwrap();
        let told = said(simple("inner.vrt")).unwrap_err();
        assert!(told.contains("inner.vrt refers to ../secret"), "{told}");
        // Or itself.
        said(simple("a.vrt")).unwrap();
    }
}
